import type { Report } from '../progress/events.ts';

const LINES = 40;
const BYTES = 64 * 1024;

/** The end of a step's output. */
export interface OutputEnd {
  /** Oldest first. */
  readonly lines: readonly string[];
  /** Lines before those. */
  readonly omitted: number;
}

interface Tail {
  bytes: Buffer;
  newlines: number;
}

/** Keeps the end of every step's output, for the message of the one that fails. */
export class LogTail {
  readonly #output = new Map<string, Tail>();

  /** Passes events on, and remembers output on the way. */
  watch(report: Report): Report {
    return (event) => {
      if (event.kind === 'log') this.#add(event.vertex, event.data);
      report(event);
    };
  }

  end(vertex: string): OutputEnd {
    const { bytes, newlines } = this.#output.get(vertex) ?? { bytes: Buffer.alloc(0), newlines: 0 };
    const text = bytes.toString('utf8').trimEnd();
    if (text === '') return { lines: [], omitted: 0 };
    const lines = text.split(/\r?\n/).slice(-LINES);
    const blank = bytes.toString('utf8').slice(text.length).split('\n').length - 1;
    return { lines, omitted: Math.max(0, newlines - blank + 1 - lines.length) };
  }

  #add(vertex: string, data: Uint8Array): void {
    const tail = this.#output.get(vertex) ?? { bytes: Buffer.alloc(0), newlines: 0 };
    const joined = Buffer.concat([tail.bytes, data]);
    tail.bytes = joined.length > BYTES ? joined.subarray(-BYTES) : joined;
    tail.newlines += countNewlines(data);
    this.#output.set(vertex, tail);
  }
}

function countNewlines(data: Uint8Array): number {
  let count = 0;
  for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1)) count++;
  return count;
}
