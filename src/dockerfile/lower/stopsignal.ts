import { isSignal } from '../signals.ts';
import { expand, failure, type Lower } from './context.ts';
import { commit, withConfig } from './state.ts';

export const lowerStopsignal: Lower<'STOPSIGNAL'> = (state, instruction, context) => {
  const StopSignal = expand(context, state, instruction, instruction.signal);
  if (!isSignal(StopSignal)) {
    throw failure(context, instruction, 'BAD_ARGUMENT', `invalid signal: ${StopSignal}`, {
      hint: 'Write a name such as SIGTERM, or a number',
    });
  }
  return commit(withConfig(state, { StopSignal }), {
    text: `STOPSIGNAL ${StopSignal}`,
    created: context.created,
  });
};
