import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { cannotWrite } from '../../../layers/index.ts';
import type { LogConfig } from '../container-options.ts';
import { RuntimeError } from '../errors.ts';

/** Which of a container's streams. */
export type OutputName = 'stdout' | 'stderr';

/** One piece of output as the log has it: a line with its end, or a part of one that is long or not ended. */
export interface LogEntry {
  readonly log: string;
  readonly stream: OutputName;
  /** RFC 3339. */
  readonly time: string;
}

/** How large a log may become. */
export interface LogBounds {
  /** Bytes; Infinity without bound. */
  readonly size: number;
  /** That many files of that size, the one that is written included. */
  readonly files: number;
}

/** Where the log of a container is: Docker's name for it. */
export function logPath(directory: string, id: string): string {
  return `${directory}/${id}-json.log`;
}

/** Of a container's log; undefined when none is kept. Throws `BAD_OPTION`. */
export function logBounds(
  { driver, options }: LogConfig = { driver: 'json-file', options: {} },
): LogBounds | undefined {
  if (driver === 'none') return undefined;
  const byDefault =
    driver === 'local' ? { size: 20 * 1024 ** 2, files: 5 } : { size: Number.POSITIVE_INFINITY, files: 1 };
  const { 'max-size': size, 'max-file': files } = options;
  return {
    size: size === undefined ? byDefault.size : parseSize(size),
    files: files === undefined ? byDefault.files : parseCount(files),
  };
}

function parseSize(text: string): number {
  if (text === '-1') return Number.POSITIVE_INFINITY;
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text) ?? [];
  const power = ['', 'k', 'm', 'g', 't'].indexOf((unit ?? '').toLowerCase());
  const size = Math.floor(Number(number) * 1024 ** power);
  if (number !== undefined && size > 0) return size;
  throw badOption('max-size', text, 'write a size such as 10m');
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw badOption('max-file', text, 'write a number of files, 1 or more');
}

function badOption(name: string, text: string, advice: string): RuntimeError {
  return new RuntimeError('BAD_OPTION', name, `invalid value for log option ${name}: "${text}": ${advice}`);
}

/** A longer line is kept in pieces, as Docker does. */
const LONGEST = 16 * 1024;
const NEWLINE = 10;

/**
 * Writes what a container puts out as Docker's json-file driver does: one JSON document a line. What is written is in
 * the file at once; only the begin of a line waits for its end.
 */
export class LogFile {
  readonly path: string;
  readonly #bounds: LogBounds;
  readonly #waiting = new Map<OutputName, { bytes: Buffer; decoder: StringDecoder }>();
  /** Undefined where no file could be made. */
  #fd: number | undefined;
  #size: number;

  constructor(path: string, bounds: LogBounds) {
    this.path = path;
    this.#bounds = bounds;
    this.#fd = openForAppending(path);
    this.#size = fstatSync(this.#fd).size;
  }

  write(stream: OutputName, chunk: Buffer): void {
    const pending = this.#pendingOf(stream);
    let bytes = pending.bytes.length === 0 ? chunk : Buffer.concat([pending.bytes, chunk]);
    const time = new Date().toISOString();
    const lines: string[] = [];
    for (;;) {
      const newline = bytes.indexOf(NEWLINE);
      const end = newline >= 0 && newline < LONGEST ? newline + 1 : LONGEST;
      if (bytes.length < end) break;
      lines.push(line(pending.decoder.write(bytes.subarray(0, end)), stream, time));
      bytes = bytes.subarray(end);
    }
    // Not a view: that would keep all of the chunk.
    pending.bytes = Buffer.from(bytes);
    this.#append(lines);
  }

  /** The stream has ended: what waits for the end of a line is all there will be. */
  end(stream: OutputName): void {
    const { bytes, decoder } = this.#pendingOf(stream);
    this.#waiting.delete(stream);
    const rest = decoder.end(bytes);
    if (rest !== '') this.#append([line(rest, stream, new Date().toISOString())]);
  }

  close(): void {
    for (const stream of [...this.#waiting.keys()]) this.end(stream);
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  #pendingOf(stream: OutputName) {
    let pending = this.#waiting.get(stream);
    if (pending === undefined) {
      pending = { bytes: Buffer.alloc(0), decoder: new StringDecoder('utf8') };
      this.#waiting.set(stream, pending);
    }
    return pending;
  }

  #append(lines: readonly string[]): void {
    let batch: string[] = [];
    let size = this.#size;
    for (const each of lines) {
      const length = Buffer.byteLength(each);
      if (size + length > this.#bounds.size) {
        this.#put(batch);
        batch = [];
        if (this.#size > 0) this.#rotate();
        size = this.#size;
      }
      batch.push(each);
      size += length;
    }
    this.#put(batch);
  }

  /** What a full disk has no room for is lost, whole, and the container goes on. */
  #put(lines: readonly string[]): void {
    if (lines.length === 0) return;
    let rest: Uint8Array = Buffer.from(lines.join(''));
    const { length } = rest;
    try {
      this.#fd ??= openForAppending(this.path);
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
      this.#size += length;
    } catch (error) {
      if (!cannotWrite(error)) throw error;
      if (this.#fd !== undefined) ftruncateSync(this.#fd, this.#size);
    }
  }

  #rotate(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    const { files } = this.#bounds;
    if (files === 1) rmSync(this.path, { force: true });
    for (let number = files - 1; number >= 1; number--)
      renameIfThere(number === 1 ? this.path : `${this.path}.${number - 1}`, `${this.path}.${number}`);
    this.#fd = undefined;
    this.#size = 0;
  }
}

const line = (log: string, stream: OutputName, time: string) =>
  `${JSON.stringify({ log, stream, time } satisfies LogEntry)}\n`;

function openForAppending(path: string): number {
  return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o640);
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
