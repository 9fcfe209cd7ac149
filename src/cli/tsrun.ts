import { Command } from 'commander';
import { VERSION } from '../index.ts';
import { normaliseArguments } from './arguments.ts';
import { ExitCode } from './exit-status.ts';
import { runMain, withMessages } from './main.ts';
import { declareRun, runParsed } from './run/command.ts';

void runMain('tsrun', tsrun, { failure: ExitCode.tool });

async function tsrun(): Promise<number> {
  const command = declareRun(withMessages(new Command('tsrun'))).version(
    `tsrun version ${VERSION}`,
    '--version',
    'show the version',
  );
  const args = normaliseArguments(process.argv.slice(2), command, { passThrough: true });
  command.parse(args, { from: 'user' });
  return runParsed(command, 'tsrun');
}
