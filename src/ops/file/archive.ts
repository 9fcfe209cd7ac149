import { closeSync, createReadStream, readSync } from 'node:fs';
import {
  type BytePath,
  detectArchive,
  extractArchive,
  type FileNode,
  type FileTree,
  type TreeWriter,
} from '../../../layers/index.ts';
import type { CopyAction } from '../../llb/op.ts';
import { type Ids, ROOT } from './owner.ts';
import { makeDirectories } from './place.ts';

/** Bytes that tell what a file is: the first block of a tar is 512 long. */
const HEAD = 64 * 1024;

/** Whether ADD unpacks the file: by its content, whatever it is called. */
export function isArchive(tree: FileTree, node: FileNode): boolean {
  if (node.stat.type !== 'file') return false;
  const fd = tree.open(node);
  try {
    const head = Buffer.allocUnsafe(HEAD);
    return detectArchive(head.subarray(0, readSync(fd, head, 0, HEAD, 0))) !== undefined;
  } finally {
    closeSync(fd);
  }
}

/**
 * ADD of an archive: its content below the destination, with the modes, times and owners it has inside, or the owner
 * given. As in Docker `--chmod` does not apply.
 */
export async function addArchive(
  tree: FileTree,
  node: FileNode,
  writer: TreeWriter,
  destination: BytePath,
  owner: Ids | undefined,
): Promise<void> {
  const target = writer.resolve(destination);
  makeDirectories(writer, target, { ...(owner ?? ROOT), mode: 0o755 });
  const stream = createReadStream('', { fd: tree.open(node), start: 0 });
  try {
    await extractArchive(stream, writer, target, owner === undefined ? {} : { owner });
  } finally {
    stream.destroy();
  }
}

/** `auto` unpacks files of the build context only; a downloaded archive is unpacked when `--unpack` asks for it. */
export function unpacks({ unpack }: CopyAction, isLocal: boolean): boolean {
  return unpack === 'always' || (unpack === 'auto' && isLocal);
}
