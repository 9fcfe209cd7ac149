import { Readable } from 'node:stream';
import type { BlobTap } from '../../layers/index.ts';

/** Bytes that wait for the network. */
const UNDER_WAY = 8 << 20;

/** A blob on its way to the network while it is made. */
export class BlobBody extends Readable implements BlobTap {
  /** All of it was written. */
  isWhole = false;
  #waiting: Promise<void> | undefined;
  #wake = (): void => {};

  constructor() {
    super({ highWaterMark: UNDER_WAY });
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.destroyed || this.push(chunk)) return undefined;
    this.#waiting ??= new Promise((resolve) => {
      this.#wake = () => {
        this.#waiting = undefined;
        resolve();
      };
    });
    return this.#waiting;
  }

  end(): void {
    this.isWhole = true;
    this.push(null);
  }

  override _read(): void {
    this.#wake();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Nobody will read it, and whoever waits need not.
    this.#wake();
    done(error);
  }
}
