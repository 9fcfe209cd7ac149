import type { MessagePort } from 'node:worker_threads';
import { corrupt } from '../content/verified.ts';
import { createHash } from '../linux/hash.ts';
import { type DiffId, digestOfDiff } from '../oci/digest.ts';
import { diffIdOf } from './hash-layer.ts';
import { type LayerOptions, LayerTar } from './layer-tar.ts';
import { type FailureNote, failureOf, noteOf } from './thread-failure.ts';

export interface TarRequest {
  readonly directory: string;
  readonly options: LayerOptions;
  /** What the tar must turn out to be; undefined: whoever has the other end looks. */
  readonly diffId?: DiffId;
  /** Bytes of each piece but the last; whole blocks. */
  readonly pieceSize: number;
}

/** A buffer to be filled; undefined: a new one. */
type Order = ArrayBuffer | undefined;
type Delivery =
  | { readonly buffer: ArrayBuffer; readonly length: number }
  | { readonly end: true }
  | FailureNote;

/**
 * Makes the tar of a layer, a piece for each order that comes through the port. With a diff ID it is hashed, too: whoever
 * follows gets the end only when the tar is what it should be, so that a damaged layer is not handed on.
 */
export function serveTar({ directory, options, diffId, pieceSize }: TarRequest, port: MessagePort): void {
  const hash = diffId === undefined ? undefined : createHash('sha256');
  let tar: LayerTar | undefined;
  const deliver = (order: Order): void => {
    tar ??= new LayerTar(directory, options);
    const buffer = order === undefined ? Buffer.allocUnsafeSlow(pieceSize) : Buffer.from(order);
    const length = tar.fill(buffer);
    hash?.update(buffer.subarray(0, length));
    if (length > 0) {
      const bytes = buffer.buffer as ArrayBuffer;
      port.postMessage({ buffer: bytes, length } satisfies Delivery, [bytes]);
      return;
    }
    const actual = hash && diffIdOf(hash);
    if (diffId !== undefined && actual !== undefined && actual !== diffId)
      throw corrupt(digestOfDiff(diffId), actual);
    finish({ end: true });
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
      finish(noteOf(error, directory));
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
