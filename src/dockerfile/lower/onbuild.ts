import type { Lower } from './context.ts';
import { withConfig } from './state.ts';

/** ONBUILD: kept as text in the config, without a line of history. It fires where a stage is built FROM this one. */
export const lowerOnbuild: Lower<'ONBUILD'> = (state, { trigger }) =>
  withConfig(state, { OnBuild: [...(state.config.OnBuild ?? []), trigger] });
