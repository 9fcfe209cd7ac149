import { type MessagePort, parentPort } from 'node:worker_threads';
import type { BlobInfo } from '../content/content-store.ts';
import { type BlobTarget, compressLayer } from './compress-layer.ts';
import { serveTar, TarFeed } from './tar-feed.ts';
import { type FailureNote, noteOf } from './thread-failure.ts';
import type { TarRequest } from './verified-tar.ts';
import { writeFeed } from './write-feed.ts';

/** To a worker: to make a tar for whoever has the other end of the port, to write what comes from it, or to compress a layer. */
export type EncodeOrder =
  | { readonly role: 'tar'; readonly port: MessagePort; readonly request: TarRequest }
  | { readonly role: 'write'; readonly port: MessagePort; readonly fd: number; readonly position: number }
  | ({ readonly role: 'compress'; readonly request: TarRequest; readonly isTapped: boolean } & Pick<
      BlobTarget,
      'kind' | 'level' | 'fd'
    >)
  /** A piece of the blob was taken. */
  | { readonly role: 'taken' };

/** From a worker that writes or compresses; `done` are bytes of the tar. */
export type EncodeNote =
  | { readonly member: Uint8Array; readonly done: number }
  | { readonly done: number }
  | { readonly blob: BlobInfo }
  | FailureNote;

/** Pieces that are read ahead of those that are written. */
const AHEAD = 4;
/** Bytes of the blob that may be on their way to who sends them. */
const UNTAKEN = 8 << 20;

const untaken: number[] = [];
let wake: (() => void) | undefined;

/** Entry of the worker thread: one order at a time. */
parentPort?.on('message', (order: EncodeOrder) => {
  switch (order.role) {
    case 'tar':
      return serveTar(order.request, order.port);
    case 'write':
      return void write(order);
    case 'compress':
      return void compress(order);
    case 'taken':
      untaken.shift();
      wake?.();
  }
});

async function write({ port, fd, position }: EncodeOrder & { role: 'write' }): Promise<void> {
  const feed = new TarFeed(port, AHEAD);
  await settle(writeFeed(feed, fd, position));
  feed.close();
}

async function compress({ request, isTapped, ...target }: EncodeOrder & { role: 'compress' }): Promise<void> {
  let done = 0;
  const progress = (bytes: number): void => {
    done = bytes;
    if (!isTapped) tell({ done });
  };
  // Hands the bytes over: they are gone from this thread afterwards.
  const sink = (member: Buffer): Promise<void> | undefined => {
    untaken.push(member.length);
    tell({ member, done }, [member.buffer as ArrayBuffer]);
    return hasRoom() ? undefined : room();
  };
  await settle(compressLayer(request, { ...target, progress, ...(isTapped && { sink }) }));
  untaken.length = 0;
}

async function settle(blob: Promise<BlobInfo>): Promise<void> {
  try {
    tell({ blob: await blob });
  } catch (error) {
    tell(noteOf(error, 'blob'));
  }
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
