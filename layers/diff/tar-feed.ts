import type { MessagePort } from 'node:worker_threads';
import { type FailureNote, failureOf, noteOf } from './thread-failure.ts';
import { type TarRequest, VerifiedTar } from './verified-tar.ts';

/** A buffer to be filled; undefined: a new one. */
type Order = ArrayBuffer | undefined;
type Delivery =
  | { readonly buffer: ArrayBuffer; readonly length: number }
  | { readonly end: true }
  | FailureNote;

/** Makes the tar of a layer, a piece for each order that comes through the port; with a diff ID it is verified. */
export function serveTar({ pieceSize, ...source }: TarRequest, port: MessagePort): void {
  let tar: VerifiedTar | undefined;
  const deliver = (order: Order): void => {
    tar ??= new VerifiedTar(source);
    const buffer = order === undefined ? Buffer.allocUnsafeSlow(pieceSize) : Buffer.from(order);
    const length = tar.fill(buffer);
    const bytes = buffer.buffer as ArrayBuffer;
    if (length === 0) finish({ end: true });
    else port.postMessage({ buffer: bytes, length } satisfies Delivery, [bytes]);
  };
  const finish = (last: Delivery): void => {
    port.removeAllListeners('message');
    tar?.close();
    port.postMessage(last);
  };
  port.on('message', (order: Order) => {
    try {
      deliver(order);
    } catch (error) {
      finish(noteOf(error, source.directory));
    }
  });
  port.on('close', () => tar?.close());
}

/**
 * The other end of {@link serveTar}: the pieces in order. One further piece is made each time that one is asked for, or
 * given back, so that never more than `ahead` wait.
 */
export class TarFeed {
  readonly #port: MessagePort;
  readonly #arrived: Delivery[] = [];
  #wake: (() => void) | undefined;

  constructor(port: MessagePort, ahead: number) {
    this.#port = port;
    port.on('message', (delivery: Delivery) => {
      this.#arrived.push(delivery);
      this.#wake?.();
    });
    for (let count = 0; count < ahead; count++) this.more();
  }

  /** The next piece; undefined at the end. Throws StoreError. */
  async next(): Promise<Buffer | undefined> {
    while (this.#arrived.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const delivery = this.#arrived.shift()!;
    if ('buffer' in delivery) return Buffer.from(delivery.buffer, 0, delivery.length);
    if ('message' in delivery) throw failureOf(delivery);
    return undefined;
  }

  /** Has one more piece made; in the buffer of one that is not needed any more. */
  more(used?: Buffer): void {
    const buffer = used?.buffer as ArrayBuffer | undefined;
    this.#port.postMessage(buffer satisfies Order, buffer === undefined ? [] : [buffer]);
  }

  /** Fails whoever waits, when the other end is gone. */
  fail(note: FailureNote): void {
    this.#arrived.push(note);
    this.#wake?.();
  }

  close(): void {
    this.#port.close();
  }
}
