import { runtimeSpec } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { OptionValues } from '../option-values.ts';
import { stdout } from '../output.ts';
import { declareRun } from '../run/command.ts';
import { runRequest } from '../run/request.ts';
import type { CommandModule } from '../tsctr.ts';

/** `tsctr spec IMAGE`: what `run` with the same options would start, for another OCI runtime or to be read. */
export const spec: CommandModule = {
  passThrough: true,
  declare(command, done) {
    declareRun(command)
      .description('Show the runtime spec (config.json) of a container of an image')
      .action(async () => {
        const [image = '', ...args] = command.args;
        const { raw } = new OptionValues(command.opts());
        stdout.write(await runtimeSpec(runRequest(raw, image, args)));
        done(ExitCode.ok);
      });
  },
};
