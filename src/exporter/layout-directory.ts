import { once } from 'node:events';
import { closeSync, constants, createReadStream, fstatSync, openSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { StoreError } from '../../layers/index.ts';
import type { ArchiveMember } from './archive-member.ts';

const { O_RDONLY, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } = constants;
/** Files beside the blobs, in the order in which they are useful. */
const DOCUMENTS = ['oci-layout', 'index.json', 'manifest.json'];

/**
 * The files of an OCI layout directory (image-spec image-layout.md) as if they came from an archive: documents first,
 * then blobs, small ones first, so that configurations come before the layers they describe. Every component below the
 * directory itself is opened without following links: a layout is foreign data, and what it links to is not.
 */
export async function* readLayoutDirectory(path: string): AsyncGenerator<ArchiveMember> {
  const root = openSync(resolve(path), O_RDONLY | O_DIRECTORY);
  try {
    const present = new Set(readdirSync(`/proc/self/fd/${root}`));
    for (const name of DOCUMENTS.filter((name) => present.has(name))) yield* fileEntry(root, name, name);
    for (const algorithm of ['sha256', 'sha512']) yield* blobEntries(root, algorithm);
  } finally {
    closeSync(root);
  }
}

async function* blobEntries(root: number, algorithm: string): AsyncGenerator<ArchiveMember> {
  const blobs = openBelow(root, 'blobs', O_DIRECTORY);
  if (blobs === undefined) return;
  try {
    const folder = openBelow(blobs, algorithm, O_DIRECTORY);
    if (folder === undefined) return;
    try {
      for (const name of bySize(folder)) yield* fileEntry(folder, name, `blobs/${algorithm}/${name}`);
    } finally {
      closeSync(folder);
    }
  } finally {
    closeSync(blobs);
  }
}

function bySize(folder: number): string[] {
  const names = readdirSync(`/proc/self/fd/${folder}`).map((name) => {
    const fd = openFile(folder, name);
    const { size } = fstatSync(fd);
    closeSync(fd);
    return { name, size };
  });
  return names
    .sort((one, other) => one.size - other.size || (one.name < other.name ? -1 : 1))
    .map(({ name }) => name);
}

async function* fileEntry(folder: number, name: string, path: string): AsyncGenerator<ArchiveMember> {
  const fd = openFile(folder, name);
  const { size } = fstatSync(fd);
  let stream: Readable | undefined;
  const open = () => {
    stream ??= createReadStream('', { fd, start: 0, end: Math.max(size - 1, 0), highWaterMark: 1 << 20 });
    return stream;
  };
  try {
    yield {
      path,
      type: 'file',
      size,
      linkpath: '',
      get body() {
        return open();
      },
    };
  } finally {
    if (stream === undefined) closeSync(fd);
    // A stream closes its descriptor by itself, once a read under way is done.
    else if (!stream.closed) await once(stream.destroy(), 'close');
  }
}

function openFile(folder: number, name: string): number {
  const fd = openBelow(folder, name, O_NONBLOCK);
  if (fd !== undefined && fstatSync(fd).isFile()) return fd;
  if (fd !== undefined) closeSync(fd);
  throw refused(name);
}

/** Undefined when there is no such entry. */
function openBelow(folder: number, name: string, flags: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${folder}/${name}`, O_RDONLY | O_NOFOLLOW | flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP' || code === 'ENOTDIR') throw refused(name);
    throw error;
  }
}

function refused(name: string): StoreError {
  return new StoreError(
    'INVALID_ARCHIVE',
    name,
    `Cannot read the image layout: "${name}" is no plain file or folder`,
  );
}
