import { commitContainer, diffContainer, exportContainer, type FileChange } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { listOption } from '../option-values.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

const KINDS: Readonly<Record<FileChange['kind'], string>> = { added: 'A', changed: 'C', deleted: 'D' };

export const diff: CommandModule = {
  declare(command, done) {
    command.argument('<container>').action(async (name: string) => {
      const changes = await diffContainer(name);
      stdout.write(changes.map(({ kind, path }) => `${KINDS[kind]} ${path}\n`).join(''));
      done(ExitCode.ok);
    });
  },
};

export const exportFiles: CommandModule = {
  declare(command, done) {
    command
      .argument('<container>')
      .option('-o, --output <file>', 'write to a file instead of standard output')
      .action(async (name: string, { output }: { readonly output?: string }) => {
        if (output === undefined && stdout.isTerminal)
          throw new UsageError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
        await exportContainer(name, output ?? stdout.open());
        done(ExitCode.ok);
      });
  },
};

interface CommitValues {
  readonly author?: string;
  readonly change?: readonly string[];
  readonly message?: string;
  readonly pause: boolean;
}

export const commit: CommandModule = {
  declare(command, done) {
    command
      .argument('<container>')
      .argument('[name]', 'name of the image, with its tag')
      .option('-a, --author <text>', 'who has made it')
      .option('-m, --message <text>', 'message of the history entry')
      .option('-p, --pause', 'stop the container meanwhile (default true)', true)
      .option('--no-pause', 'let the container go on meanwhile');
    listOption(command, '-c, --change <instruction>', 'a Dockerfile instruction for the config');
    command.action(async (container: string, tag: string | undefined, values: CommitValues) => {
      const { author, message, change, pause } = values;
      const id = await commitContainer(container, {
        pause,
        ...(tag !== undefined && { tag }),
        ...(author !== undefined && { author }),
        ...(message !== undefined && { message }),
        ...(change !== undefined && { changes: change }),
      });
      stdout.write(`${id}\n`);
      done(ExitCode.ok);
    });
  },
};
