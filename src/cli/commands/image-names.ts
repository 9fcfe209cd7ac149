import { removeImage, tagImage } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { forEachName } from './for-each-name.ts';

export const tag: CommandModule = {
  declare(command, done) {
    command
      .argument('<source>', 'name or id of an image')
      .argument('<target>', 'its further name')
      .action(async (source: string, target: string) => {
        await tagImage(source, target);
        done(ExitCode.ok);
      });
  },
};

export const remove: CommandModule = {
  declare(command, done) {
    command
      .argument('<image...>')
      .option('-f, --force', 'also when it has several names or a container uses it')
      .option('--no-prune', 'accepted for compatibility')
      .action(async (names: readonly string[], values: { readonly force?: boolean }) =>
        done(
          await forEachName(names, async (name) => {
            const { untagged, deleted } = await removeIfThere(name, values.force === true);
            stdout.write(untagged.map((text) => `Untagged: ${text}\n`).join(''));
            stdout.write(deleted.map((id) => `Deleted: ${id}\n`).join(''));
          }),
        ),
      );
  },
};

/** Forced, what is not there is as good as removed. */
async function removeIfThere(name: string, force: boolean): ReturnType<typeof removeImage> {
  try {
    return await removeImage(name, { force });
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string };
    if (!force || code !== 'NO_SUCH_IMAGE') throw error;
    process.stderr.write(`Error: ${message}\n`);
    return { untagged: [], deleted: [] };
  }
}
