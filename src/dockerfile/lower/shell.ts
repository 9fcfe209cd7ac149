import type { Lower } from './context.ts';
import { commit, withConfig } from './state.ts';

export const lowerShell: Lower<'SHELL'> = (state, { shell }, context) =>
  commit(withConfig(state, { Shell: shell }), {
    text: `SHELL [${shell.join(' ')}]`,
    created: context.created,
  });
