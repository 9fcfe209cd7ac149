import { buildCommand } from '../build-command.ts';
import { declareBuildOptions } from '../build-options.ts';
import type { CommandModule } from '../tsctr.ts';

export const build: CommandModule = {
  declare(command, done) {
    declareBuildOptions(command)
      .argument('<context>')
      .action(async (context: string, values) => done(await buildCommand(values, context)));
  },
};
