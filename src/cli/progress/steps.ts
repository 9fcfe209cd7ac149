import { TextDecoder } from 'node:util';
import type { LogEvent, VertexEvent } from '../../index.ts';

/** What a view knows of one step. */
export interface Step {
  /** In order of appearance, from 1. */
  readonly number: number;
  readonly vertex: VertexEvent;
}

/** Steps by digest, numbered as they start. */
export class Steps {
  readonly #steps = new Map<string, Step>();

  /** The step after the event, and whether it was unknown before. */
  update(vertex: VertexEvent): { readonly step: Step; readonly isNew: boolean } {
    const known = this.#steps.get(vertex.digest);
    const step = { number: known?.number ?? this.#steps.size + 1, vertex };
    this.#steps.set(vertex.digest, step);
    return { step, isNew: known === undefined };
  }

  get(digest: string): Step | undefined {
    return this.#steps.get(digest);
  }

  get size(): number {
    return this.#steps.size;
  }

  all(): IterableIterator<Step> {
    return this.#steps.values();
  }
}

/** Of output without a line's end no more than this is kept until there is one; characters. */
const LONGEST_LINE = 64 * 1024;

/** Splits the output of steps into lines, stream by stream, and keeps an unfinished last line. */
export class LogLines {
  readonly #rest = new Map<string, string>();
  readonly #decoders = new Map<string, TextDecoder>();

  add({ vertex, stream, data }: LogEvent): readonly string[] {
    const key = `${vertex} ${stream}`;
    let decoder = this.#decoders.get(key);
    if (decoder === undefined) {
      decoder = new TextDecoder();
      this.#decoders.set(key, decoder);
    }
    const lines = ((this.#rest.get(key) ?? '') + decoder.decode(data, { stream: true })).split('\n');
    if (lines.at(-1)!.length > LONGEST_LINE) lines.push('');
    this.#rest.set(key, lines.pop()!);
    return lines.map(lastRewrite);
  }

  /** The last line of a step as it is so far; empty when it is finished. */
  pending(vertex: string): string {
    const rests = [1, 2].map((stream) => this.#rest.get(`${vertex} ${stream}`) ?? '');
    return lastRewrite(rests.find((rest) => rest !== '') ?? '');
  }

  /** Unfinished lines of a step that has ended. */
  flush(vertex: string): readonly string[] {
    return [1, 2].flatMap((stream) => {
      const key = `${vertex} ${stream}`;
      const rest = this.#rest.get(key) ?? '';
      this.#rest.delete(key);
      return rest === '' ? [] : [lastRewrite(rest)];
    });
  }
}

/** A line that rewrites itself by carriage returns, as progress bars do: only its last state. */
function lastRewrite(line: string): string {
  const trimmed = line.replace(/\r+$/, '');
  return trimmed.slice(trimmed.lastIndexOf('\r') + 1);
}

/** Whether the step was stopped because of another, or of the user, rather than failed. */
export function isCanceled({ error }: VertexEvent): boolean {
  return error === 'context canceled';
}

/** Seconds between two times in milliseconds, as `1.2s`. */
export function seconds(from: number, to: number): string {
  return `${Math.max(0, (to - from) / 1000).toFixed(1)}s`;
}
