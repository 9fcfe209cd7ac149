import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { MAX_DOCKERFILE_BYTES, readDockerfileText } from './dockerfile-text.ts';
import { ApiError } from './errors.ts';

/**
 * The text of a Dockerfile, or its ignore file, that the user named; undefined when there is none. A pipe is read to its
 * end, as a shell's `<(command)` needs it; nothing else that could keep silent, or never end, is read.
 */
export async function readHostText(
  path: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const fd = openIfPresent(path);
  if (fd === undefined) return undefined;
  let isOurs = true;
  try {
    const stat = fstatSync(fd);
    if (stat.isFile()) return readWhole(fd, path, stat.size);
    if (!stat.isFIFO()) {
      const kind = stat.isDirectory() ? 'a directory' : 'not a file';
      throw new ApiError('NO_DOCKERFILE', path, `failed to read dockerfile: ${path} is ${kind}`);
    }
    isOurs = false;
    const { Socket } = await import('node:net');
    return await readDockerfileText(new Socket({ fd, writable: false, ...(signal && { signal }) }));
  } finally {
    if (isOurs) closeSync(fd);
  }
}

/** Without waiting for the other end of a pipe, which may never come. */
function openIfPresent(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function readWhole(fd: number, path: string, size: number): string {
  if (size > MAX_DOCKERFILE_BYTES) {
    const message = `failed to read dockerfile: ${path} has more than ${MAX_DOCKERFILE_BYTES} bytes`;
    throw new ApiError('BAD_REQUEST', path, message);
  }
  const bytes = Buffer.alloc(size);
  let length = 0;
  for (let read = -1; read !== 0 && length < size; length += read)
    read = readSync(fd, bytes, length, size - length, null);
  return bytes.toString('utf8', 0, length);
}
