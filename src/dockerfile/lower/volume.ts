import { expand, failure, type Lower } from './context.ts';
import { commit, withConfig } from './state.ts';

export const lowerVolume: Lower<'VOLUME'> = (state, instruction, context) => {
  const paths = instruction.paths.map((path) => expand(context, state, instruction, path));
  if (paths.includes('')) {
    throw failure(context, instruction, 'BAD_ARGUMENT', 'VOLUME specified can not be an empty string', {
      hint: 'Name a directory, or give the variable a value',
    });
  }
  const Volumes = { ...state.config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
  const text = `VOLUME [${paths.join(' ')}]`;
  return commit(withConfig(state, { Volumes }), { text, created: context.created });
};
