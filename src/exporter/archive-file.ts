import { createWriteStream, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { bytePath, type ContentStore, encodeTarEntry } from '../../layers/index.ts';
import type { ArchiveFile } from './oci-archive.ts';

/** What follows each other in an archive. */
type Part = Pick<ArchiveFile, 'size' | 'content'>;

const BLOCK = 512;
const END = inMemory(Buffer.alloc(2 * BLOCK));

/** A tar of files. */
export function archiveTar(content: ContentStore, files: readonly ArchiveFile[]): Readable {
  async function* bytes() {
    for (const part of partsOf(files)) yield* bodyOf(content, part);
  }
  return Readable.from(bytes(), { objectMode: false, highWaterMark: 1 << 20 });
}

/** Writes a tar of files to a path. Where that is a file, worker threads write large layers. */
export async function writeArchiveFile(
  content: ContentStore,
  files: readonly ArchiveFile[],
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const there = statSync(path, { throwIfNoEntry: false });
  // A pipe has no places to write at.
  if (there !== undefined && !there.isFile())
    return await pipeline(archiveTar(content, files), createWriteStream(path), { ...(signal && { signal }) });
  const file = await open(path, 'w');
  try {
    await writeAtPlaces(content, partsOf(files), file, signal);
  } finally {
    await file.close();
  }
}

/** The bytes of a file. */
export async function* bodyOf(content: ContentStore, { content: body }: Part): AsyncGenerator<Uint8Array> {
  if (typeof body !== 'string') yield body;
  else yield* content.read(body) as AsyncIterable<Buffer>;
}

async function writeAtPlaces(
  content: ContentStore,
  parts: readonly Part[],
  file: FileHandle,
  signal: AbortSignal | undefined,
): Promise<void> {
  let position = 0;
  for (const part of parts) {
    const write = typeof part.content === 'string' ? content.tarWriter(part.content) : undefined;
    if (write === undefined) await writePart(bodyOf(content, part), file, position, signal);
    else await write({ fd: file.fd, position, signal });
    position += part.size;
  }
}

/** A chunk is written while the next one is read. Settles when nothing is being written any more. */
async function writePart(
  bytes: AsyncIterable<Uint8Array>,
  file: FileHandle,
  start: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let position = start;
  let writing = Promise.resolve();
  try {
    for await (const chunk of bytes) {
      signal?.throwIfAborted();
      await writing;
      writing = writeChunk(file, chunk, position);
      // Whoever awaits it is told of its failure.
      writing.catch(() => {});
      position += chunk.length;
    }
  } finally {
    await writing;
  }
}

async function writeChunk(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < chunk.length; )
    at += (await file.write(chunk, at, chunk.length - at, position + at)).bytesWritten;
}

function partsOf(files: readonly ArchiveFile[]): Part[] {
  return [...files.flatMap((file) => [inMemory(headerOf(file)), file, ...paddingOf(file)]), END];
}

function paddingOf({ size }: Part): Part[] {
  return size % BLOCK === 0 ? [] : [inMemory(Buffer.alloc(BLOCK - (size % BLOCK)))];
}

function inMemory(content: Uint8Array): Part {
  return { size: content.length, content };
}

function headerOf({ path, size }: ArchiveFile): Buffer {
  return encodeTarEntry({
    path: bytePath(path),
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtimeNs: 0n,
    linkpath: '',
    devMajor: 0,
    devMinor: 0,
    xattrs: [],
  });
}
