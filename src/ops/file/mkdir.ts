import { bytePath, type TreeWriter } from '../../../layers/index.ts';
import type { MakeDirectoryAction } from '../../llb/op.ts';
import { ROOT, workdirOwner } from './owner.ts';
import { makeDirectories } from './place.ts';

/** WORKDIR: the directory and what is missing above it; one that is there stays as it is. */
export function makeDirectory(writer: TreeWriter, action: MakeDirectoryAction): void {
  makeDirectories(writer, writer.resolve(bytePath(action.path)), {
    ...(action.owner === undefined ? ROOT : workdirOwner(writer.tree, action.owner)),
    mode: action.mode,
    ...(action.mtime !== undefined && { mtimeNs: BigInt(action.mtime) * 1_000_000_000n }),
  });
}
