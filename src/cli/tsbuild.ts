import { Command } from 'commander';
import { VERSION } from '../index.ts';
import { normaliseArguments } from './arguments.ts';
import { buildCommand } from './build-command.ts';
import { declareBuildOptions } from './build-options.ts';
import { describeBuildError } from './describe-build-error.ts';
import { ExitCode } from './exit-status.ts';
import { endQuietlyWithoutReader, runMain, withMessages } from './main.ts';

void runMain('tsbuild', tsbuild, { describeBuild: describeBuildError });

async function tsbuild(): Promise<number> {
  let status: number = ExitCode.ok;
  const command = declareBuildOptions(withMessages(new Command('tsbuild')))
    .description('Build an image from a Dockerfile')
    .version(`tsbuild version ${VERSION}`, '-v, --version', 'show the version')
    .argument('<context>', 'a directory, or - for a tar (or a Dockerfile) on standard input')
    .action(async (context: string, values) => {
      status = await buildCommand(values, context);
    });
  endQuietlyWithoutReader();
  const args = normaliseArguments(process.argv.slice(2), command, { passThrough: false });
  await command.parseAsync(args, { from: 'user' });
  return status;
}
