import { readFlags } from '../flags.ts';
import type {
  MaintainerInstruction,
  StopsignalInstruction,
  UserInstruction,
  WorkdirInstruction,
} from '../instructions.ts';
import type { Statement } from './statement.ts';

/** The instructions whose one argument is the rest of the line, blanks inside included. */
export function readWorkdir(statement: Statement): WorkdirInstruction {
  return { ...statement.base, keyword: 'WORKDIR', path: wholeLine(statement, 'WORKDIR /app') };
}

export function readUser(statement: Statement): UserInstruction {
  return { ...statement.base, keyword: 'USER', user: wholeLine(statement, 'USER app') };
}

export function readStopsignal(statement: Statement): StopsignalInstruction {
  return { ...statement.base, keyword: 'STOPSIGNAL', signal: wholeLine(statement, 'STOPSIGNAL SIGTERM') };
}

export function readMaintainer(statement: Statement): MaintainerInstruction {
  return { ...statement.base, keyword: 'MAINTAINER', name: wholeLine(statement, 'MAINTAINER Jane Doe') };
}

function wholeLine(statement: Statement, example: string): string {
  readFlags(statement, {});
  return statement.requireArgument(example, 'exactly');
}
