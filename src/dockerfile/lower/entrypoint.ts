import { commandArguments, quotedList } from './command.ts';
import type { Lower } from './context.ts';
import { commit, withConfig, withoutConfig } from './state.ts';

/** ENTRYPOINT: a CMD that came with the base image was meant for its entrypoint, and goes. */
export const lowerEntrypoint: Lower<'ENTRYPOINT'> = (before, instruction, context) => {
  const Entrypoint = commandArguments(before, instruction.command);
  const rest = before.cmdSet ? before : withoutConfig(before, 'Cmd');
  const state =
    Entrypoint.length === 0 ? withoutConfig(rest, 'Entrypoint') : withConfig(rest, { Entrypoint });
  return commit(state, { text: `ENTRYPOINT ${quotedList(Entrypoint)}`, created: context.created });
};
