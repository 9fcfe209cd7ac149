import type { Lower } from './context.ts';
import { commit } from './state.ts';

export const lowerMaintainer: Lower<'MAINTAINER'> = (state, { name }, context) =>
  commit({ ...state, author: name }, { text: `MAINTAINER ${name}`, created: context.created });
