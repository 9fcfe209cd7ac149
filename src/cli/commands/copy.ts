import { isAbsolute, resolve } from 'node:path';
import { type CopyToRequest, copyFromContainer, copyToContainer } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { humanSize } from '../format/size.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

interface CopyValues {
  readonly archive?: boolean;
  readonly followLink?: boolean;
  readonly quiet?: boolean;
}

export const copy: CommandModule = {
  declare(command, done) {
    command
      .usage(
        '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n       tsctr cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
      )
      .argument('<source>', 'a path, CONTAINER:PATH, or - for a tar on standard input')
      .argument('<destination>', 'a path, CONTAINER:PATH, or - for a tar on standard output')
      .option('-a, --archive', "what is written belongs to the container's user")
      .option('-L, --follow-link', 'copy what a symbolic link at the source means')
      .option('-q, --quiet', 'do not say how much was copied')
      .action(async (source: string, destination: string, values: CopyValues) => {
        const { archive = false, followLink = false } = values;
        const bytes = await copyBetween(parsePlace(source), parsePlace(destination), { archive, followLink });
        if (bytes > 0 && !values.quiet && process.stderr.isTTY) {
          const shown = destination.includes(':') ? destination : resolve(destination);
          process.stderr.write(`Successfully copied ${humanSize(bytes)} to ${shown}\n`);
        }
        done(ExitCode.ok);
      });
  },
};

interface Place {
  readonly container?: string;
  readonly path: string;
}

/** What stands before the first colon is a container, unless it is part of a path: `./a:b`, `/a:b`. */
export function parsePlace(text: string): Place {
  const colon = text.indexOf(':');
  if (isAbsolute(text) || colon <= 0 || text.startsWith('.')) return { path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** How much was copied to a path; 0 for a stream. */
async function copyBetween(source: Place, destination: Place, request: CopyToRequest): Promise<number> {
  if (source.container !== undefined && destination.container !== undefined)
    throw new UsageError('copying between containers is not supported');
  if (source.container !== undefined) {
    const target = destination.path === '-' ? outputStream() : destination.path;
    return (await copyFromContainer(source.container, source.path, target, request)).bytes;
  }
  if (destination.container === undefined) throw new UsageError('must specify at least one container source');
  const from = source.path === '-' ? process.stdin : source.path;
  return (await copyToContainer(from, destination.container, destination.path, request)).bytes;
}

function outputStream(): NodeJS.WriteStream {
  if (stdout.isTerminal) throw new UsageError('cowardly refusing to write a tar to a terminal: redirect it');
  return stdout.open();
}
