import type { Lower } from './context.ts';
import { expandPairs } from './key-values.ts';
import { commit, withConfig } from './state.ts';

export const lowerLabel: Lower<'LABEL'> = (state, instruction, context) => {
  const pairs = expandPairs(state, instruction, context);
  const text = `LABEL ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`;
  const Labels = { ...state.config.Labels, ...Object.fromEntries(pairs) };
  return commit(withConfig(state, { Labels }), { text, created: context.created });
};
