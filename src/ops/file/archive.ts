import { createReadStream } from 'node:fs';
import {
  type BytePath,
  decompressAs,
  extractArchive,
  type FileNode,
  type FileTree,
  probeArchive,
  type TreeWriter,
} from '../../../layers/index.ts';
import type { CopyAction } from '../../llb/op.ts';
import { type Ids, ROOT } from './owner.ts';
import { makeDirectories } from './place.ts';

/** `auto` unpacks files of the build context only; a downloaded archive is unpacked when `--unpack` asks for it. */
export function unpacks({ unpack }: CopyAction, isLocal: boolean): boolean {
  return unpack === 'always' || (unpack === 'auto' && isLocal);
}

/**
 * ADD of an archive, told by its content whatever its name is: what it holds goes below the destination, with the
 * modes, times and owners that it has inside, or the owner given. As in Docker `--chmod` does not apply. Does nothing
 * and answers false for anything else, a compressed file that holds no tar included.
 */
export async function addArchive(
  tree: FileTree,
  node: FileNode,
  writer: TreeWriter,
  destination: BytePath,
  owner: Ids | undefined,
): Promise<boolean> {
  if (node.stat.type !== 'file') return false;
  const open = () => createReadStream('', { fd: tree.open(node) });
  const kind = await probeArchive(open);
  if (kind === undefined) return false;
  const target = writer.resolve(destination);
  makeDirectories(writer, target, { ...(owner ?? ROOT), mode: 0o755 });
  const tar = decompressAs(open(), kind);
  try {
    await extractArchive(tar, writer, target, owner === undefined ? {} : { owner });
  } finally {
    tar.destroy();
  }
  return true;
}
