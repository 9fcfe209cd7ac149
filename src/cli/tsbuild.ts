import { Command } from 'commander';
import { buildCommand } from './build-command.ts';
import { declareBuildOptions } from './build-options.ts';
import { ExitCode } from './exit-status.ts';
import { runMain } from './main.ts';

void runMain('tsbuild', tsbuild);

async function tsbuild(): Promise<number> {
  let status: number = ExitCode.ok;
  const command = declareBuildOptions(new Command('tsbuild'))
    .description('Build an image from a Dockerfile')
    .argument('<context>', 'a directory, or - for a tar (or a Dockerfile) on standard input')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`tsbuild: ${text.replace(/^error: /, '')}See 'tsbuild --help'.\n`),
    })
    .action(async (context: string, values) => {
      status = await buildCommand(values, context);
    });
  await command.parseAsync();
  return status;
}
