import { type MessagePort, parentPort } from 'node:worker_threads';
import type { BlobInfo } from '../content/content-store.ts';
import { piecesAtOnce } from './compress.ts';
import { type BlobTarget, compressFeed } from './compress-feed.ts';
import { serveTar, TarFeed, type TarRequest } from './tar-feed.ts';
import { type FailureNote, noteOf } from './thread-failure.ts';

/** To a worker: to make a tar for whoever has the other end of the port, or to compress what comes from it. */
export type EncodeOrder =
  | { readonly role: 'tar'; readonly port: MessagePort; readonly request: TarRequest }
  | ({ readonly role: 'compress'; readonly port: MessagePort; readonly isTapped: boolean } & Pick<
      BlobTarget,
      'kind' | 'level' | 'fd'
    >)
  /** A piece of the blob was taken. */
  | { readonly role: 'taken' };

/** From a worker that compresses. */
export type EncodeNote =
  | { readonly member: Uint8Array }
  | { readonly done: number }
  | { readonly blob: BlobInfo }
  | FailureNote;

/** Bytes of the blob that may be on their way to who sends them. */
const UNTAKEN = 8 << 20;

const untaken: number[] = [];
let wake: (() => void) | undefined;

/** Entry of the worker thread: one order at a time. */
parentPort?.on('message', (order: EncodeOrder) => {
  switch (order.role) {
    case 'tar':
      return serveTar(order.request, order.port);
    case 'compress':
      return void compress(order);
    case 'taken':
      untaken.shift();
      wake?.();
  }
});

async function compress({ port, isTapped, ...target }: EncodeOrder & { role: 'compress' }): Promise<void> {
  // What is being compressed, what is read meanwhile, and one to have at hand.
  const feed = new TarFeed(port, piecesAtOnce() + 2);
  try {
    const blob = await compressFeed(feed, {
      ...target,
      progress: (done) => tell({ done }),
      ...(isTapped && { sink }),
    });
    tell({ blob });
  } catch (error) {
    tell(noteOf(error, 'blob'));
  } finally {
    feed.close();
    untaken.length = 0;
  }
}

/** Hands the bytes over: they are gone from this thread afterwards. */
function sink(member: Buffer): Promise<void> | undefined {
  untaken.push(member.length);
  tell({ member }, [member.buffer as ArrayBuffer]);
  return hasRoom() ? undefined : room();
}

async function room(): Promise<void> {
  while (!hasRoom()) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

function hasRoom(): boolean {
  return untaken.reduce((sum, length) => sum + length, 0) < UNTAKEN;
}

function tell(note: EncodeNote, transferred: ArrayBuffer[] = []): void {
  parentPort?.postMessage(note, transferred);
}
