import { runInForeground } from '../foreground.ts';
import { declareRunOptions, type RunOptionValues, runRequest } from '../run-options.ts';
import type { CommandModule } from '../tsctr.ts';

export const run: CommandModule = {
  declare(command, done) {
    declareRunOptions(command)
      .description('Run a command in a new container')
      .argument('<image>')
      .argument('[command...]')
      .passThroughOptions()
      .action(async (image: string, args: string[], values: RunOptionValues) =>
        done(
          await runInForeground(runRequest(values, image, args), {
            interactive: values.interactive === true,
            terminal: values.tty === true,
          }),
        ),
      );
  },
};
