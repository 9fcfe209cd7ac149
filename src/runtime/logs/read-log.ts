import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { LogEntry } from './log-file.ts';

export interface ReadLogOptions {
  /** The last so many entries; all unless told. */
  readonly tail?: number;
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly until?: number;
  /** Goes on as long as that says so; what is written until then is read. */
  readonly follow?: () => boolean;
  readonly signal?: AbortSignal;
}

const POLL_MS = 50;
const CHUNK = 256 * 1024;

/** The entries of a container's log, oldest first. None where there is no log. */
export function readLog(path: string, options: ReadLogOptions = {}): AsyncGenerator<LogEntry> {
  return readLines<LogEntry>(path, ({ time }) => Date.parse(time), options);
}

/** JSON documents of a file with a line for each, and of the files before it, `PATH.1` and so on, oldest first. */
export async function* readLines<T>(
  path: string,
  timeOf: (entry: T) => number,
  options: ReadLogOptions = {},
): AsyncGenerator<T> {
  const { since = 0, until = Number.POSITIVE_INFINITY, follow, signal, tail } = options;
  const reader = new LineReader<T>(path, tail);
  // What is written while the last ones are read is not one of them.
  let missing = follow === undefined && tail !== undefined ? tail : Number.POSITIVE_INFINITY;
  try {
    for (;;) {
      // Asked before reading: all that was written while it was so is read.
      const goesOn = follow?.() ?? false;
      for (const entry of reader.read()) {
        if (missing-- <= 0) return;
        const time = timeOf(entry);
        if (time > until) return;
        if (time >= since) yield entry;
      }
      if (!goesOn || signal?.aborted || Date.now() > until) return;
      await delay(POLL_MS);
    }
  } finally {
    reader.close();
  }
}

/** Reads on, over the files that rotation has made. */
class LineReader<T> {
  readonly #path: string;
  #fd: number | undefined;
  #position = 0;
  #rest = Buffer.alloc(0);
  /** Files that are complete, to be read first. */
  #older: string[] = [];

  constructor(path: string, tail: number | undefined) {
    this.#path = path;
    const older = rotated(path);
    if (tail === undefined) {
      this.#older = older;
      // Now: whatever it is called later, it is found again by it.
      this.#fd = openIfThere(this.#older.shift() ?? path);
      return;
    }
    const start = tailStart([...older, path], tail);
    this.#older = start.before;
    this.#fd = start.fd;
    this.#position = start.position;
  }

  *read(): Generator<T> {
    for (;;) {
      this.#fd ??= openIfThere(this.#older.shift() ?? this.#path);
      if (this.#fd === undefined) return;
      yield* this.#readFile(this.#fd);
      if (this.#older.length === 0 && isStillAt(this.#fd, this.#path)) return;
      // Rotated meanwhile: what was written before that is to be read too.
      yield* this.#readFile(this.#fd);
      if (this.#older.length === 0) this.#older = newerThan(this.#fd, this.#path);
      this.close();
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#position = 0;
    this.#rest = Buffer.alloc(0);
  }

  *#readFile(fd: number): Generator<T> {
    const chunk = Buffer.alloc(CHUNK);
    for (;;) {
      const length = readSync(fd, chunk, 0, CHUNK, this.#position);
      if (length === 0) return;
      this.#position += length;
      const bytes = Buffer.concat([this.#rest, chunk.subarray(0, length)]);
      const end = bytes.lastIndexOf(10) + 1;
      this.#rest = Buffer.from(bytes.subarray(end));
      for (const line of bytes.toString('utf8', 0, end).split('\n')) {
        const entry = parseLine<T>(line);
        if (entry !== undefined) yield entry;
      }
    }
  }
}

/** Undefined for what is no entry, as a full disk leaves it. */
function parseLine<T>(line: string): T | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as T);
  } catch {
    return undefined;
  }
}

/** Oldest first. */
function rotated(path: string): string[] {
  const found: string[] = [];
  for (let number = 1; existsSync(`${path}.${number}`); number++) found.unshift(`${path}.${number}`);
  return found;
}

/** The complete files that came after the open one, oldest first; all when it is none of them any more. */
function newerThan(fd: number, path: string): string[] {
  const all = rotated(path);
  const { ino } = fstatSync(fd);
  const at = all.findIndex((name) => statSync(name, { throwIfNoEntry: false })?.ino === ino);
  return all.slice(at + 1);
}

/** Where the last so many lines of the files begin. */
function tailStart(
  files: readonly string[],
  lines: number,
): { readonly before: string[]; readonly fd: number | undefined; readonly position: number } {
  let missing = lines;
  for (let index = files.length - 1; index >= 0; index--) {
    const fd = openIfThere(files[index]!);
    if (fd === undefined) continue;
    const { position, found } = backwards(fd, missing);
    missing -= found;
    // The last file is the one that is written, which the reader opens by itself.
    if (missing <= 0 || index === 0) return { before: files.slice(index + 1, -1), fd, position };
    closeSync(fd);
  }
  return { before: [], fd: undefined, position: 0 };
}

/** Where the last `lines` lines of a file begin, or with fewer its beginning. */
function backwards(fd: number, lines: number): { readonly position: number; readonly found: number } {
  let position = fstatSync(fd).size;
  const size = position;
  if (lines <= 0) return { position, found: 0 };
  let found = 0;
  const chunk = Buffer.alloc(CHUNK);
  while (position > 0) {
    const length = Math.min(CHUNK, position);
    position -= length;
    readSync(fd, chunk, 0, length, position);
    for (let at = length - 1; at >= 0; at--) {
      if (chunk[at] !== 10 || position + at === size - 1) continue;
      found++;
      if (found === lines) return { position: position + at + 1, found };
    }
  }
  return { position: 0, found: size === 0 ? 0 : found + 1 };
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isStillAt(fd: number, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  return there === undefined || there.ino === fstatSync(fd).ino;
}
