import { Readable } from 'node:stream';
import { digestOf } from '../../layers/index.ts';
import type { Report } from '../progress/events.ts';
import type { LayerBlob } from './contents.ts';

/** A piece of work that is told of as a step. */
export class InternalStep {
  readonly digest: string;
  readonly #started = Date.now();

  constructor(
    readonly report: Report,
    readonly name: string,
  ) {
    this.digest = digestOf(`tsbuild internal step ${name}`);
    this.#tell({});
  }

  note(text: string): void {
    const data = Buffer.from(text);
    this.report({ kind: 'log', vertex: this.digest, stream: 2, data, timestamp: Date.now() });
  }

  done(error?: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#tell({ completed: Date.now(), ...(error !== undefined && { error: message }) });
  }

  #tell(state: { readonly completed?: number; readonly error?: string }): void {
    const { digest, name } = this;
    this.report({ kind: 'vertex', digest, inputs: [], name, started: this.#started, ...state });
  }
}

/** Tells of the bytes of one blob as they come or go: at the start, at the end and at every hundredth part. */
export class TransferProgress {
  readonly #started = Date.now();
  #next = 0;

  constructor(
    readonly report: Report,
    readonly vertex: string,
    readonly blob: LayerBlob,
    readonly verb = '',
  ) {}

  counted(bytes: Readable, offset: number): Readable {
    const tell = (current: number) => this.tell(current);
    async function* chunks() {
      let current = offset;
      tell(current);
      for await (const chunk of bytes as AsyncIterable<Buffer>) {
        current += chunk.length;
        tell(current);
        yield chunk;
      }
    }
    return Readable.from(chunks(), { objectMode: false, highWaterMark: 1 << 20 });
  }

  tell(current: number): void {
    const { digest, size } = this.blob;
    if (current < this.#next && current < size) return;
    this.#next = current + size / 100;
    this.report({
      kind: 'status',
      vertex: this.vertex,
      id: `${this.verb}${digest}`,
      current,
      total: size,
      started: this.#started,
      ...(current >= size && { completed: Date.now() }),
    });
  }
}
