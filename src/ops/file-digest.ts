import { closeSync, readSync } from 'node:fs';
import { createHash, type FileNode, type FileTree } from '../../layers/index.ts';
import { FramedHash } from './framed-hash.ts';
import type { Pace } from './pace.ts';

/**
 * sha256 of what a file or directory is besides its metadata and what is in it: the content of a file, and extended
 * attributes where it has any.
 */
export interface FileDigest {
  readonly hasXattrs: boolean;
  /** 32 bytes. */
  readonly digest: Uint8Array;
}

/** Digests of files and directories that were read before. */
export interface DigestIndex {
  get(node: FileNode): FileDigest | undefined;
  /** To be called before the file is read: what is read later than this may belong to a later state of the file. */
  now(): bigint;
  /** `readFrom`: what `now` said before reading. */
  set(node: FileNode, digest: FileDigest, readFrom: bigint): void;
  save(): void;
}

/** One buffer for all reads: they are synchronous, and between two chunks of one file it is not used. */
const chunk = Buffer.allocUnsafeSlow(1024 * 1024);

/** Digest of a regular file, from the index where it is known. At once, but for files that take long to read. */
export function fileDigest(
  tree: FileTree,
  node: FileNode,
  pace: Pace,
  index?: DigestIndex,
): FileDigest | Promise<FileDigest> {
  const known = index?.get(node);
  if (known !== undefined) return known;
  const readFrom = index?.now();
  const fd = tree.open(node);
  const finish = (content: Buffer) => {
    const found = withXattrs(content, tree.xattrs(node, fd));
    if (readFrom !== undefined) index?.set(node, found, readFrom);
    return found;
  };
  let isLong = false;
  try {
    const first = readSync(fd, chunk, 0, chunk.length, 0);
    if (first < chunk.length) return finish(createHash('sha256').update(chunk.subarray(0, first)).digest());
    isLong = true;
  } finally {
    if (!isLong) closeSync(fd);
  }
  return digestLong(fd, pace)
    .then(finish)
    .finally(() => closeSync(fd));
}

/** Reads from one chunk to the next, letting others have their turn. */
async function digestLong(fd: number, pace: Pace): Promise<Buffer> {
  const sum = createHash('sha256');
  for (let at = 0; ; ) {
    const length = readSync(fd, chunk, 0, chunk.length, at);
    if (length === 0) return sum.digest();
    sum.update(chunk.subarray(0, length));
    at += length;
    if (pace.spent()) await pace.rest();
  }
}

const NO_CONTENT = Buffer.alloc(32);

/** The same of a directory: its extended attributes only. */
export function directoryDigest(tree: FileTree, node: FileNode, index?: DigestIndex): FileDigest {
  const known = index?.get(node);
  if (known !== undefined) return known;
  const readFrom = index?.now();
  const found = withXattrs(NO_CONTENT, tree.xattrs(node));
  if (readFrom !== undefined) index?.set(node, found, readFrom);
  return found;
}

function withXattrs(content: Buffer, xattrs: readonly (readonly [string, Buffer])[]): FileDigest {
  if (xattrs.length === 0) return { hasXattrs: false, digest: content };
  const framed = new FramedHash('content with attributes').bytes(content).uint32(xattrs.length);
  for (const [name, value] of xattrs) framed.latin1(name).bytes(value);
  return { hasXattrs: true, digest: framed.digest() };
}
