import { argsOutsideEnvironment } from '../predefined-args.ts';
import { expand, type Lower } from './context.ts';
import { commit } from './state.ts';

/** ARG: the value of --build-arg, else the default, else that of the global ARG of the same name. */
export const lowerArg: Lower<'ARG'> = (before, instruction, context) => {
  const { buildArgs } = context.request;
  let state = before;
  const texts: string[] = [];
  for (const { key, value: written } of instruction.args) {
    let value = Object.hasOwn(buildArgs, key) ? buildArgs[key] : undefined;
    if (value === undefined) {
      // A default is looked at only when nothing replaces it, so that `${NAME:?}` in it can ask for the build argument.
      value = written === undefined ? context.globals.get(key) : expand(context, state, instruction, written);
    }
    const args = new Map(state.args).set(key, value);
    const environment = new Map(state.environment);
    if (value !== undefined && !argsOutsideEnvironment.has(key)) environment.set(key, value);
    state = { ...state, args, environment };
    texts.push(value === undefined ? key : `${key}=${value}`);
  }
  return commit(state, { text: `ARG ${texts.join(' ')}`, created: context.created });
};
