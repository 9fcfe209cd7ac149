import { commandArguments, quotedList } from './command.ts';
import type { Lower } from './context.ts';
import { commit, withConfig, withoutConfig } from './state.ts';

/** CMD: `CMD []` takes an inherited one away. */
export const lowerCmd: Lower<'CMD'> = (state, instruction, context) => {
  const Cmd = commandArguments(state, instruction.command);
  const config = Cmd.length === 0 ? withoutConfig(state, 'Cmd') : withConfig(state, { Cmd });
  const next = { ...withConfig(config, { ArgsEscaped: true }), cmdSet: true };
  return commit(next, { text: `CMD ${quotedList(Cmd)}`, created: context.created });
};
