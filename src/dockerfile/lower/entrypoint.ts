import { commandArguments, quotedList } from './command.ts';
import type { Lower } from './context.ts';
import { commit, type StageState, withConfig } from './state.ts';

/** ENTRYPOINT: a CMD that came with the base image was meant for its entrypoint, and goes. */
export const lowerEntrypoint: Lower<'ENTRYPOINT'> = (before, instruction, context) => {
  const Entrypoint = commandArguments(before, instruction.command);
  const state = withConfig(before.cmdSet ? before : withoutCmd(before), { Entrypoint });
  return commit(state, { text: `ENTRYPOINT ${quotedList(Entrypoint)}`, created: context.created });
};

function withoutCmd(state: StageState): StageState {
  const { Cmd: _, ...config } = state.config;
  return { ...state, config };
}
