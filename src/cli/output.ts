import { windowSize, writeNow } from '../index.ts';

/**
 * Standard output or error of a command. What it takes at once is written at once: the streams that Node has for the
 * two cost a start 2 to 3 ms, and make a pipe non-blocking for all who share it. Such a stream is opened where a reader is
 * behind, or has gone, and for what needs one; from then on everything goes through it, so that order is kept.
 */
export class OwnOutput {
  readonly #fd: number;
  readonly #stream: () => NodeJS.WriteStream;
  #opened: NodeJS.WriteStream | undefined;
  readonly #listeners: ((stream: NodeJS.WriteStream) => void)[] = [];

  constructor(fd: number, stream: () => NodeJS.WriteStream) {
    this.#fd = fd;
    this.#stream = stream;
  }

  write(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const done = this.#opened === undefined ? writeNow(this.#fd, bytes) : 0;
    if (done < bytes.length) this.open().write(bytes.subarray(done));
  }

  /** Resolves when it is written; with false when nobody reads it any more. Undefined when it was written at once. */
  pass(data: Uint8Array): Promise<boolean> | undefined {
    const done = this.#opened === undefined ? writeNow(this.#fd, data) : 0;
    if (done === data.length) return undefined;
    const stream = this.open();
    // Told to the callback too; an error that nobody listens for would end the process.
    if (stream.listenerCount('error') === 0) stream.on('error', () => {});
    return new Promise((resolve) => {
      stream.write(data.subarray(done), (error) => resolve(!error));
    });
  }

  get isTerminal(): boolean {
    return windowSize(this.#fd) !== undefined;
  }

  /** As Node's stream. */
  open(): NodeJS.WriteStream {
    if (this.#opened === undefined) {
      this.#opened = this.#stream();
      for (const listener of this.#listeners) listener(this.#opened);
    }
    return this.#opened;
  }

  /** Before anything is written. */
  onceOpen(listener: (stream: NodeJS.WriteStream) => void): void {
    this.#listeners.push(listener);
  }
}

export const stdout = new OwnOutput(1, () => process.stdout);
export const stderr = new OwnOutput(2, () => process.stderr);
