import type { Report } from '../progress/events.ts';

const LINES = 40;
const BYTES = 64 * 1024;

/** Keeps the end of every step's output, for the message of the one that fails. */
export class LogTail {
  readonly #output = new Map<string, Buffer>();

  /** Passes events on, and remembers output on the way. */
  watch(report: Report): Report {
    return (event) => {
      if (event.kind === 'log') {
        const joined = Buffer.concat([this.#output.get(event.vertex) ?? Buffer.alloc(0), event.data]);
        this.#output.set(event.vertex, joined.length > BYTES ? joined.subarray(-BYTES) : joined);
      }
      report(event);
    };
  }

  lines(vertex: string): readonly string[] {
    const text = this.#output.get(vertex)?.toString('utf8').trimEnd() ?? '';
    return text === '' ? [] : text.split(/\r?\n/).slice(-LINES);
  }
}
