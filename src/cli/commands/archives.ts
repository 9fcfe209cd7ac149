import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import {
  configOfChanges,
  importImage,
  type LoadedImage,
  loadImages,
  parsePlatform,
  saveImageArchive,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { interruptible } from '../interruptible.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

export const load: CommandModule = {
  declare(command, done) {
    command
      .option('-i, --input <path>', 'read from a file or directory instead of standard input')
      .option('-q, --quiet', 'show no progress')
      .action(async (values: { readonly input?: string }) => {
        if (values.input === undefined && process.stdin.isTTY) {
          throw new UsageError('requested load from stdin, but stdin is a terminal: use -i FILE');
        }
        const source = values.input ?? process.stdin;
        const work = async (signal: AbortSignal) => tellLoaded(await loadImages(source, { signal }));
        done(await interruptible('tsctr', work));
      });
  },
};

function tellLoaded(images: readonly LoadedImage[]): void {
  for (const { name, imageId, target, replaced } of images) {
    if (replaced !== undefined) {
      stdout.write(
        `The image ${name} existed already: its name now means the loaded one, and the old one (${replaced.digest}) has no name\n`,
      );
    }
    stdout.write(
      name === undefined
        ? `Loaded image ID: ${imageId ?? target.digest}\n`
        : `Loaded image: ${familiar(name)}\n`,
    );
  }
}

function familiar(name: string): string {
  return name.replace(/^docker\.io\/(library\/)?/, '');
}

export const save: CommandModule = {
  declare(command, done) {
    command
      .argument('<image...>')
      .option('-o, --output <file>', 'write to a file instead of standard output')
      .option('--format <format>', 'docker or oci', 'docker')
      .action(
        async (names: readonly string[], values: { readonly output?: string; readonly format: string }) => {
          const { output, format } = values;
          if (format !== 'docker' && format !== 'oci')
            throw new UsageError(`invalid format "${format}": use docker or oci`);
          if (output === undefined && stdout.isTerminal) {
            throw new UsageError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
          }
          await saveImageArchive(names, output ?? stdout.open(), { format });
          done(ExitCode.ok);
        },
      );
  },
};

interface ImportValues {
  readonly change?: readonly string[];
  readonly message?: string;
  readonly platform?: string;
}

export const importRoot: CommandModule = {
  declare(command, done) {
    command
      .argument('<file>', 'a tar, plain or compressed; - for standard input')
      .argument('[name]', 'name of the image')
      .option(
        '-c, --change <instruction>',
        'a Dockerfile instruction for the config',
        (value, all: string[] = []) => [...all, value],
      )
      .option('-m, --message <text>', 'message of the history entry')
      .option('--platform <platform>', 'os/arch[/variant]')
      .action(async (file: string, name: string | undefined, values: ImportValues) => {
        const id = await importImage(source(file), {
          config: await configOfChanges(values.change ?? []),
          ...(name !== undefined && { tag: name }),
          ...(values.message !== undefined && { message: values.message }),
          ...(values.platform !== undefined && { platform: parsePlatform(values.platform) }),
        });
        stdout.write(`${id}\n`);
        done(ExitCode.ok);
      });
  },
};

function source(file: string): Readable {
  return file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 });
}
