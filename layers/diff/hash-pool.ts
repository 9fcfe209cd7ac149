import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { StoreError } from '../errors.ts';
import type { LayerInfo } from './hash-layer.ts';
import type { LayerOptions } from './layer-tar.ts';
import type { StepBatch } from './step-batch.ts';
import { type FailureNote, failureOf } from './thread-failure.ts';

export interface HashRequest {
  readonly directory: string;
  readonly options: LayerOptions;
}

/** To a worker: it answers `hash` and `finish`. Between `start` and `finish` or `drop` it gets nothing but `grow`. */
export type HashMessage =
  | ({ readonly kind: 'hash' | 'start' } & HashRequest)
  | { readonly kind: 'grow'; readonly memory: SharedArrayBuffer }
  | { readonly kind: 'finish'; readonly directory: string }
  | { readonly kind: 'drop' };

export type HashAnswer = { readonly info: LayerInfo } | FailureNote;

/** Hashes a layer while it is being written. */
export interface LayerFollower {
  /** Whether `grow` also writes files, on a thread of its own: what is not there yet may be in batches. */
  readonly writes: boolean;
  /**
   * What the steps lead to does not change any more, once the files are written that they bring. The batch is released
   * when that is done, or cannot be.
   */
  grow(batch: StepBatch): void;
  /** Why it will do nothing any more: the thread has ended. */
  readonly ended: Error | undefined;
  /** When the steps have led out of the root. */
  finish(): Promise<LayerInfo>;
  /** Instead of `finish`, when nobody wants to know any more. */
  drop(): void;
}

interface Job {
  readonly request: HashRequest;
  readonly resolve: (info: LayerInfo) => void;
  readonly reject: (error: Error) => void;
}

const waiting: Job[] = [];
const idle: Worker[] = [];
let started = 0;

/** Hashes a layer in one of a few worker threads, which are started when needed, kept, and hold no process back. */
export function hashInWorker(file: string, request: HashRequest): Promise<LayerInfo> {
  return new Promise((resolve, reject) => {
    waiting.push({ request, resolve, reject });
    engage(file);
  });
}

/** The same beside the writing of the layer. Undefined when no worker is free. */
export function followInWorker(file: string, request: HashRequest): LayerFollower | undefined {
  const worker = take(file);
  if (worker === undefined) return undefined;
  const { directory } = request;
  const answered = new Promise<LayerInfo>((resolve, reject) =>
    listen(worker, file, { request, resolve, reject }),
  );
  let ended: Error | undefined;
  // Told to whoever finishes.
  answered.catch((error: Error) => {
    ended = error;
  });
  worker.postMessage({ kind: 'start', ...request } satisfies HashMessage);
  return {
    writes: true,
    get ended() {
      return ended;
    },
    grow: ({ memory }) => worker.postMessage({ kind: 'grow', memory } satisfies HashMessage),
    finish: () => {
      worker.postMessage({ kind: 'finish', directory } satisfies HashMessage);
      return answered;
    },
    drop: () => {
      worker.postMessage({ kind: 'drop' } satisfies HashMessage);
      release(worker);
      serve(worker, file);
    },
  };
}

/** Finds a worker for what waits. */
function engage(file: string): void {
  const worker = take(file);
  if (worker !== undefined) serve(worker, file);
}

function take(file: string): Worker | undefined {
  return idle.pop() ?? (started < availableParallelism() ? start(file) : undefined);
}

function start(file: string): Worker {
  started++;
  // The descriptors that the worker opens are its own business: no warning about numbers used twice. What it makes for
  // each file is garbage at once: a small nursery serves as well, and takes less memory.
  return new Worker(file, { trackUnmanagedFds: false, resourceLimits: { maxYoungGenerationSizeMb: 4 } });
}

/** Gives the worker the next job; without one it waits, and no longer keeps the process alive. */
function serve(worker: Worker, file: string): void {
  const job = waiting.shift();
  if (job === undefined) {
    worker.unref();
    idle.push(worker);
    return;
  }
  listen(worker, file, job);
  worker.postMessage({ kind: 'hash', ...job.request } satisfies HashMessage);
}

/** Has the worker's answer settle the job. */
function listen(worker: Worker, file: string, job: Job): void {
  worker.ref();
  worker.on('message', (answer: HashAnswer) => {
    release(worker);
    if ('info' in answer) job.resolve(answer.info);
    else job.reject(failureOf(answer));
    serve(worker, file);
  });
  worker.on('error', (error) => {
    release(worker);
    started--;
    job.reject(
      new StoreError('SYSTEM', job.request.directory, 'Cannot hash a layer: the worker thread ended', {
        cause: error,
      }),
    );
    // It may have been the only one: the others that wait must not do so for ever.
    if (waiting.length > 0) engage(file);
  });
}

function release(worker: Worker): void {
  worker.removeAllListeners('message').removeAllListeners('error');
}
