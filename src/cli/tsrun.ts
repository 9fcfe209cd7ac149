import { Command } from 'commander';
import { ExitCode } from './exit-status.ts';
import { runInForeground } from './foreground.ts';
import { runMain } from './main.ts';
import { declareRunOptions, type RunOptionValues, runRequest } from './run-options.ts';

void runMain('tsrun', tsrun, ExitCode.tool);

async function tsrun(): Promise<number> {
  const command = declareRunOptions(new Command('tsrun'))
    .description('Run a command in a new container')
    .argument('<image>', 'name, digest or id of an image')
    .argument('[command...]', 'command and arguments, in place of those of the image')
    .passThroughOptions()
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`tsrun: ${text.replace(/^error: /, '')}See 'tsrun --help'.\n`),
    });
  command.parse();
  const [image, ...args] = command.args;
  return runInForeground(runRequest(command.opts<RunOptionValues>(), image!, args), {
    interactive: command.opts<RunOptionValues>().interactive === true,
    terminal: command.opts<RunOptionValues>().tty === true,
  });
}
