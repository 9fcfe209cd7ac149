import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { LogEvent, Report } from '../progress/events.ts';

/** Of one step; what comes after it is left out, and the log says so. */
const LARGEST_LOG = 64 * 1024 * 1024;
/** Of all of them; the oldest go first. */
const MOST_BYTES = 256 * 1024 * 1024;
const MOST_LOGS = 1000;

const CUT = '\n[more output was not kept]\n';

interface OpenLog {
  readonly path: string;
  readonly fd: number;
  size: number;
}

/**
 * Keeps the whole output of each step of a build in a file of its own, `logs/<time>-<step>.log` in the store: see
 * docs/store-layout.md. A step without output has none. A log that cannot be written never fails a build.
 */
export class StepLogs {
  readonly #directory: string;
  readonly #open = new Map<string, OpenLog>();
  readonly #paths = new Map<string, string>();

  /** `root`: the store's directory. */
  constructor(root: string) {
    this.#directory = join(root, 'logs');
  }

  /** Passes events on, and writes output down on the way. */
  watch(report: Report): Report {
    return (event) => {
      if (event.kind === 'log') this.#write(event);
      else if (event.kind === 'vertex' && event.completed !== undefined) this.#close(event.digest);
      report(event);
    };
  }

  /** The file with the output of a step, if it had any. */
  pathOf(vertex: string): string | undefined {
    return this.#paths.get(vertex);
  }

  /** Closes what is open, and removes the oldest logs where there are too many. */
  close(): void {
    for (const vertex of [...this.#open.keys()]) this.#close(vertex);
    if (this.#paths.size > 0) withoutFailing(() => dropOldest(this.#directory));
  }

  #write({ vertex, data, timestamp }: LogEvent): void {
    withoutFailing(() => {
      const log = this.#open.get(vertex) ?? this.#create(vertex, timestamp);
      if (log.size >= LARGEST_LOG) return;
      log.size += data.length;
      writeAll(log.fd, data);
      if (log.size >= LARGEST_LOG) writeAll(log.fd, Buffer.from(CUT));
    });
  }

  #create(vertex: string, timestamp: number): OpenLog {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const time = new Date(timestamp).toISOString().replace(/[-:.Z]/g, '');
    const path = join(this.#directory, `${time}-${vertex.replace(/^sha256:/, '').slice(0, 12)}.log`);
    const log = { path, fd: openSync(path, 'a', 0o600), size: 0 };
    this.#open.set(vertex, log);
    this.#paths.set(vertex, path);
    return log;
  }

  #close(vertex: string): void {
    const log = this.#open.get(vertex);
    if (log === undefined) return;
    this.#open.delete(vertex);
    closeSync(log.fd);
  }
}

/** Removes the logs of a store that were last written to before `time` (milliseconds since 1970); gives their bytes. */
export function removeLogs(root: string, time: number): number {
  const old = listLogs(join(root, 'logs')).filter(({ mtimeMs }) => mtimeMs <= time);
  for (const { path } of old) rmSync(path, { force: true });
  return old.reduce((sum, { size }) => sum + size, 0);
}

function dropOldest(directory: string): void {
  let bytes = 0;
  for (const [index, { path, size }] of listLogs(directory).reverse().entries()) {
    bytes += size;
    if (bytes > MOST_BYTES || index >= MOST_LOGS) rmSync(path, { force: true });
  }
}

/** The oldest first, as their names begin with the time. */
function listLogs(directory: string) {
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.log'))
    .sort()
    .flatMap((name) => {
      const path = join(directory, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? [] : [{ path, size: stat.size, mtimeMs: stat.mtimeMs }];
    });
}

function writeAll(fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at);
}

function withoutFailing(body: () => void): void {
  try {
    body();
  } catch {
    // A full disk is told by the step that needs it.
  }
}
