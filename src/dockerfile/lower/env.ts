import type { Lower } from './context.ts';
import { expandPairs } from './key-values.ts';
import { commit, splitVariable, withConfig } from './state.ts';

/** ENV: in the image's config and for all that follows. A name that is there already keeps its place. */
export const lowerEnv: Lower<'ENV'> = (state, instruction, context) => {
  const pairs = expandPairs(state, instruction, context);
  const environment = new Map(state.environment);
  let variables = state.config.Env ?? [];
  for (const [name, value] of pairs) {
    environment.set(name, value);
    variables = withVariable(variables, name, value);
  }
  const text = `ENV ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`;
  return commit(
    { ...withConfig(state, { Env: variables }), environment },
    { text, created: context.created },
  );
};

function withVariable(variables: readonly string[], name: string, value: string): readonly string[] {
  const index = variables.findIndex((entry) => splitVariable(entry)[0] === name);
  return index === -1 ? [...variables, `${name}=${value}`] : variables.with(index, `${name}=${value}`);
}
