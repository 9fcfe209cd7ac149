import { type BytePath, displayPath, StoreError, type TreeWriter } from '../../../layers/index.ts';
import { OperationError } from '../operation-error.ts';
import type { Ids } from './owner.ts';
import { below, namesDirectory, parentOf } from './paths.ts';

/** Metadata of directories that are made only because something has to lie in them. */
export interface ParentAttributes extends Ids {
  readonly mode: number;
}

/**
 * Where a file goes: into the destination under `name` when that is a directory or is written as one, else onto it.
 * Makes the directories that are missing.
 */
export function placeFile(
  writer: TreeWriter,
  destination: BytePath,
  name: BytePath,
  parents: ParentAttributes,
): BytePath {
  const target = writer.resolve(destination);
  const isInside = namesDirectory(destination) || writer.tree.lookup(target)?.stat.type === 'directory';
  makeDirectories(writer, isInside ? target : parentOf(target), parents);
  return isInside ? below(target, name) : target;
}

/** Makes a directory and its missing parents. Returns whether it is new. Throws `NOT_A_DIRECTORY` in Docker's words. */
export function makeDirectories(
  writer: TreeWriter,
  path: BytePath,
  attributes: ParentAttributes & { readonly mtimeNs?: bigint },
): boolean {
  try {
    return writer.mkdirAll(path, attributes);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'NOT_A_DIRECTORY') throw error;
    const subject = displayPath(fileInTheWay(writer, path));
    throw new OperationError('NOT_A_DIRECTORY', subject, `mkdir ${subject}: not a directory`, {
      cause: error,
      hint: `${subject} is a file in the image: choose another path, or remove the file in an earlier step`,
    });
  }
}

/** The topmost component that is there and no directory. */
function fileInTheWay(writer: TreeWriter, path: BytePath): BytePath {
  for (let slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const node = writer.tree.lookup(path.slice(0, slash), { follow: true });
    if (node !== undefined && node.stat.type !== 'directory') return path.slice(0, slash);
  }
  return path;
}
