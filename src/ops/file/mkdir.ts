import { bytePath, type FileTree, type TreeWriter } from '../../../layers/index.ts';
import type { MakeDirectoryAction } from '../../llb/op.ts';
import { UserError } from '../../runtime/passwd.ts';
import { type Ids, ROOT, resolveOwner } from './owner.ts';
import { makeDirectories } from './place.ts';

/** WORKDIR: the directory and what is missing above it; one that is there stays as it is. */
export function makeDirectory(writer: TreeWriter, action: MakeDirectoryAction): void {
  makeDirectories(writer, writer.resolve(bytePath(action.path)), {
    ...(action.owner === undefined ? ROOT : userOrRoot(writer.tree, action.owner)),
    mode: action.mode,
    ...(action.mtime !== undefined && { mtimeNs: BigInt(action.mtime) * 1_000_000_000n }),
  });
}

/** The user may be made by a later step, or be none of this image's: as in Docker only a RUN fails for that. */
function userOrRoot(tree: FileTree, owner: string): Ids {
  try {
    return resolveOwner(tree, owner);
  } catch (error) {
    const isUnknown =
      error instanceof UserError && (error.code === 'UNKNOWN_USER' || error.code === 'UNKNOWN_GROUP');
    if (isUnknown) return ROOT;
    throw error;
  }
}
