import { declareRun, runParsed } from '../run/command.ts';
import type { CommandModule } from '../tsctr.ts';

export const run: CommandModule = {
  passThrough: true,
  declare(command, done) {
    declareRun(command).action(async () => done(await runParsed(command, 'tsctr')));
  },
};
