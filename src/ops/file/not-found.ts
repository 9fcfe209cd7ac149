import { posix } from 'node:path';
import type { BytePath, FileTree } from '../../../layers/index.ts';
import { suggest } from '../../text/suggest.ts';
import { OperationError } from '../operation-error.ts';
import { LocalTree } from '../source-local.ts';
import { nameOf, parentOf, textOf } from './paths.ts';

/** `NOT_FOUND` for a source that is not in the tree, with what may have been meant. `display`: as the user wrote it. */
export function notFound(tree: FileTree, path: BytePath, display: string): OperationError {
  const shown = JSON.stringify(textOf(path));
  const fail = (message: string, hint?: string) =>
    new OperationError('NOT_FOUND', display, message, hint === undefined ? {} : { hint });
  const similar = similarPath(tree, path);
  const meant = similar === undefined ? undefined : `Did you mean ${asWritten(similar, display)}?`;
  if (!(tree instanceof LocalTree))
    return fail(`${shown}: not found in the stage or image that it is copied from`, meant);
  const written = posix.normalize(display);
  if (written === '..' || written.startsWith('../'))
    return fail(
      `${JSON.stringify(display)}: not found: it is outside the build context, whose files alone can be copied`,
      `Build from the directory that holds both and name the Dockerfile with -f, or add --build-context NAME=${firstOutside(written)} and copy with --from=NAME`,
    );
  if (tree.hides(path))
    return fail(
      `${shown}: not found in the build context: .dockerignore leaves it out`,
      `Remove the pattern that covers it from .dockerignore, or take it back with a line !${textOf(path).slice(1)} at the end`,
    );
  return fail(`${shown}: not found in the build context`, meant ?? startHint(tree));
}

function startHint({ directory }: LocalTree): string | undefined {
  return directory === '' ? undefined : `Paths start at the build context, ${directory}`;
}

/** Of `../../lib/x`, the part that leads out and the directory there: `../../lib`. */
function firstOutside(written: string): string {
  return /^(?:\.\.\/)*(?:\.\.|[^/]+(?=\/))?/.exec(written)![0].replace(/\/$/, '');
}

/** Without the leading slash where the user wrote none. */
function asWritten(path: BytePath, display: string): string {
  return display.startsWith('/') ? textOf(path) : textOf(path).slice(1);
}

/** The path with its topmost missing component replaced by a sibling that is nearly called so. */
function similarPath(tree: FileTree, path: BytePath): BytePath | undefined {
  let missing = path;
  while (missing !== '/' && tree.lookup(parentOf(missing), { follow: true }) === undefined)
    missing = parentOf(missing);
  const directory = tree.lookup(parentOf(missing), { follow: true });
  if (directory?.stat.type !== 'directory') return undefined;
  const names = tree.children(directory).map((child) => nameOf(child.path));
  const name = nameOf(missing);
  const found = names.find((other) => other.toLowerCase() === name.toLowerCase()) ?? suggest(name, names);
  if (found === undefined) return undefined;
  const candidate = missing.slice(0, missing.length - name.length) + found + path.slice(missing.length);
  return tree.lookup(candidate, { follow: true }) === undefined ? undefined : candidate;
}
