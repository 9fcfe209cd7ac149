import type { CommandLine, Instruction, KeyValue } from '../../src/dockerfile/instructions.ts';
import { parseTrigger } from '../../src/dockerfile/parse.ts';
import { splitInstruction } from '../../src/dockerfile/split-instruction.ts';

/** An instruction as BuildKit's parser shows one: keyword, flags if there are any, arguments. */
export function instructionDump(instruction: Instruction): readonly unknown[] {
  const { keyword, original } = instruction;
  const { flags } = splitInstruction(original, '\\');
  const isTransfer = keyword === 'COPY' || keyword === 'ADD' || keyword === 'RUN';
  return [
    keyword.toLowerCase(),
    ...(isTransfer && flags.length > 0 ? [flags] : []),
    ...argumentsOf(instruction),
  ];
}

function argumentsOf(instruction: Instruction): readonly unknown[] {
  switch (instruction.keyword) {
    case 'FROM':
      return [instruction.image];
    case 'ARG':
      return instruction.args.map(({ key, value }) => (value === undefined ? key : `${key}=${value}`));
    case 'ENV':
    case 'LABEL':
      return instruction.pairs.flatMap(pair);
    case 'RUN':
    case 'CMD':
    case 'ENTRYPOINT':
      return commandOf(instruction.command);
    case 'COPY':
    case 'ADD': {
      const sources = instruction.sources.map((source) => (source.kind === 'path' ? source.text : '<<'));
      return [...sources, instruction.destination];
    }
    case 'WORKDIR':
      return [instruction.path];
    case 'USER':
      return [instruction.user];
    case 'VOLUME':
      return instruction.paths;
    case 'EXPOSE':
      return instruction.ports;
    case 'SHELL':
      return instruction.shell;
    case 'STOPSIGNAL':
      return [instruction.signal];
    case 'MAINTAINER':
      return [instruction.name];
    case 'HEALTHCHECK':
      return instruction.check === undefined ? ['NONE'] : ['CMD', ...commandOf(instruction.check.command)];
    case 'ONBUILD':
      return [instructionDump(triggerOf(instruction.trigger))];
  }
}

const pair = ({ key, value, legacy }: KeyValue) => [key, value, legacy ? '' : '='];

const commandOf = (command: CommandLine) => (command.form === 'shell' ? [command.text] : command.args);

function triggerOf(text: string): Instruction {
  return parseTrigger(text, { source: { file: 'Dockerfile', text }, range: { start: 1, end: 1 } });
}
