import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { BlobInfo, CompressRequest, TarTarget } from '../content/content-store.ts';
import { corrupt } from '../content/verified.ts';
import { type DiffId, digestOfDiff } from '../oci/digest.ts';
import { MEMBER } from './compress.ts';
import type { EncodeNote, EncodeOrder } from './encode-worker.ts';
import { TarFeed } from './tar-feed.ts';
import { type FailureNote, failureOf } from './thread-failure.ts';
import type { TarRequest } from './verified-tar.ts';

/** Pieces that a reader on this thread has made ahead. */
const AHEAD = 4;
const PIECE = 1 << 20;

/** A worker, and who is to be told when it ends by itself. */
interface Thread {
  readonly worker: Worker;
  onError: ((error: Error) => void) | undefined;
  isGone: boolean;
}

/** Those that wait for the next layer; they hold no process back. */
const idle: Thread[] = [];

/** The one that tells comes first. */
type Threads = readonly [Thread, ...Thread[]];
type Watch = Pick<CompressRequest, 'tap' | 'progress' | 'signal'>;

export interface LayerSource extends Omit<TarRequest, 'pieceSize'> {
  readonly diffId: DiffId;
}

/** The tar of a layer in pieces, made and verified in a worker thread while they are read. */
export async function* tarInWorker(file: string, source: LayerSource): AsyncGenerator<Buffer> {
  const thread = take(file);
  const { port1, port2 } = new MessageChannel();
  const feed = new TarFeed(port1, AHEAD);
  thread.onError = (error) => feed.fail(ended(source, error));
  give(thread, { role: 'tar', port: port2, request: { ...source, pieceSize: PIECE } }, port2);
  try {
    for (let piece = await feed.next(); piece !== undefined; piece = await feed.next()) {
      yield piece;
      feed.more();
    }
  } finally {
    // With the port the worker closes what it has open.
    feed.close();
    keep(thread);
  }
}

/**
 * Compresses the tar of a layer, into a file if there is one, by a worker thread that reads and verifies the layer,
 * and hashes and writes the blob, and by libuv's pool; this thread gets the blob's bytes when it wants to send them.
 * Settles when nobody writes to the file any more.
 */
export async function compressInWorkers(
  file: string,
  source: LayerSource,
  fd: number | undefined,
  request: CompressRequest,
): Promise<BlobInfo> {
  const { kind, level, tap } = request;
  const target = { kind, ...(fd !== undefined && { fd }), ...(level !== undefined && { level }) };
  const order = {
    role: 'compress',
    request: { ...source, pieceSize: MEMBER[kind] },
    isTapped: tap !== undefined,
  } as const;
  const begin = ([{ worker }]: Threads) => worker.postMessage({ ...order, ...target } satisfies EncodeOrder);
  const blob = await withWorkers(file, 1, source, begin, request);
  tap?.end();
  return blob;
}

/**
 * Writes the tar of a layer into a file by two worker threads, of which one reads the layer and the other verifies and
 * writes what comes. Settles when nobody writes to the file any more.
 */
export async function writeInWorkers(
  file: string,
  { diffId, ...source }: LayerSource,
  { fd, position, signal }: TarTarget,
): Promise<void> {
  const begin = ([writer, reader]: Threads) => {
    const { port1, port2 } = new MessageChannel();
    give(reader!, { role: 'tar', port: port1, request: { ...source, pieceSize: PIECE } }, port1);
    give(writer, { role: 'write', port: port2, fd, position }, port2);
  };
  const { digest } = await withWorkers(file, 2, source, begin, { signal });
  if (digest !== digestOfDiff(diffId)) throw corrupt(digestOfDiff(diffId), digest);
}

/** Has one or two workers do what `begin` has told them, until the first of them tells of the end. */
async function withWorkers(
  file: string,
  count: 1 | 2,
  source: Pick<LayerSource, 'directory'>,
  begin: (threads: Threads) => void,
  request: Watch,
): Promise<BlobInfo> {
  const { signal } = request;
  signal?.throwIfAborted();
  const over = new AbortController();
  const threads: [Thread, ...Thread[]] = [take(file)];
  try {
    while (threads.length < count) threads.push(take(file));
    const blob = await new Promise<BlobInfo>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { signal: over.signal });
      for (const thread of threads) thread.onError = (error) => reject(failureOf(ended(source, error)));
      listen(threads[0].worker, request, resolve, reject);
      begin(threads);
    });
    threads.forEach(keep);
    return blob;
  } catch (error) {
    // One may be writing: only its end makes sure that it does not write into another file of the same number.
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
    throw error;
  } finally {
    over.abort();
  }
}

/** Passes on what the first thread tells, and has it wait when there is enough under way. */
function listen(
  writer: Worker,
  { tap, progress }: Watch,
  resolve: (blob: BlobInfo) => void,
  reject: (error: unknown) => void,
): void {
  const taken = () => writer.postMessage({ role: 'taken' } satisfies EncodeOrder);
  writer.on('message', (note: EncodeNote) => {
    if ('done' in note) progress?.(note.done);
    if ('member' in note) {
      const { buffer, byteOffset, length } = note.member;
      const room = tap?.write(Buffer.from(buffer, byteOffset, length));
      if (room === undefined) taken();
      else room.then(taken, reject);
    } else if ('blob' in note) resolve(note.blob);
    else if ('message' in note) reject(failureOf(note));
  });
}

function take(file: string): Thread {
  for (let waiting = idle.pop(); waiting !== undefined; waiting = idle.pop()) {
    if (waiting.isGone) continue;
    waiting.worker.ref();
    return waiting;
  }
  // The descriptors that a worker opens are its own business: no warning about numbers used twice.
  const worker = new Worker(file, { trackUnmanagedFds: false });
  const thread: Thread = { worker, onError: undefined, isGone: false };
  worker.on('error', (error) => {
    thread.isGone = true;
    thread.onError?.(error);
  });
  return thread;
}

function keep(thread: Thread): void {
  thread.onError = undefined;
  thread.worker.removeAllListeners('message').unref();
  idle.push(thread);
}

function give({ worker }: Thread, order: EncodeOrder, port: MessagePort): void {
  worker.postMessage(order, [port]);
}

function ended({ directory }: Pick<LayerSource, 'directory'>, error: Error): FailureNote {
  return {
    code: 'SYSTEM',
    subject: directory,
    message: `Cannot read a layer: a worker thread ended: ${error.message}`,
  };
}
