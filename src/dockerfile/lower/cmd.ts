import { commandArguments, quotedList } from './command.ts';
import type { Lower } from './context.ts';
import { commit, withConfig } from './state.ts';

export const lowerCmd: Lower<'CMD'> = (state, instruction, context) => {
  const Cmd = commandArguments(state, instruction.command);
  const next = { ...withConfig(state, { Cmd, ArgsEscaped: true }), cmdSet: true };
  return commit(next, { text: `CMD ${quotedList(Cmd)}`, created: context.created });
};
