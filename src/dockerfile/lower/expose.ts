import { checkPorts } from '../checks/exposed-ports.ts';
import { parsePorts } from '../expose.ts';
import { expansion, type Lower, reading } from './context.ts';
import { commit, withConfig } from './state.ts';

/** EXPOSE: the only instruction whose variables may hold several words. */
export const lowerExpose: Lower<'EXPOSE'> = (state, instruction, context) => {
  const words = instruction.ports.flatMap((word) => expansion(context, state, instruction, word).words);
  checkPorts(instruction, words, context.findings);
  const ports = reading(
    context,
    instruction,
    'BAD_ARGUMENT',
    () => words.flatMap(parsePorts),
    'Write PORT, FIRST-LAST or PORT/PROTOCOL, with tcp, udp or sctp',
  );
  const ExposedPorts = {
    ...state.config.ExposedPorts,
    ...Object.fromEntries(ports.map((port) => [port, {}])),
  };
  const text = `EXPOSE [${ports.join(' ')}]`;
  return commit(withConfig(state, { ExposedPorts }), { text, created: context.created });
};
