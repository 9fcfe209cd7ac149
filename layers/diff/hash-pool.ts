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
  /** Why it will do nothing any more: the thread has ended. Is so at once, without an event. */
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

/** A worker with the job that it has. */
interface Thread {
  readonly worker: Worker;
  /** A word that is 1 when the worker has ended, which is told later by an event. */
  readonly isOver: Int32Array;
  job: Job | undefined;
}

const waiting: Job[] = [];
const idle: Thread[] = [];
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
  const thread = take(file);
  if (thread === undefined) return undefined;
  const { directory } = request;
  const answered = new Promise<LayerInfo>((resolve, reject) => {
    thread.job = { request, resolve, reject };
  });
  // Told to whoever finishes.
  answered.catch(() => {});
  const tell = (message: HashMessage) => thread.worker.postMessage(message);
  thread.worker.ref();
  tell({ kind: 'start', ...request });
  return {
    writes: true,
    get ended() {
      return Atomics.load(thread.isOver, 0) === 0 ? undefined : endOf(directory);
    },
    grow: ({ memory }) => tell({ kind: 'grow', memory }),
    finish: () => {
      tell({ kind: 'finish', directory });
      return answered;
    },
    drop: () => {
      thread.job = undefined;
      tell({ kind: 'drop' });
      if (Atomics.load(thread.isOver, 0) === 0) serve(thread);
    },
  };
}

/** Finds a worker for what waits. */
function engage(file: string): void {
  const thread = take(file);
  if (thread !== undefined) serve(thread);
}

function take(file: string): Thread | undefined {
  return idle.pop() ?? (started < availableParallelism() ? start(file) : undefined);
}

function start(file: string): Thread {
  started++;
  const isOver = new Int32Array(new SharedArrayBuffer(4));
  // The descriptors that the worker opens are its own business: no warning about numbers used twice. What it makes for
  // each file is garbage at once: a small nursery serves as well, and takes less memory.
  const worker = new Worker(file, {
    trackUnmanagedFds: false,
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
    workerData: isOver,
  });
  const thread: Thread = { worker, isOver, job: undefined };
  worker.on('message', (answer: HashAnswer) => {
    const { job } = thread;
    thread.job = undefined;
    if ('info' in answer) job?.resolve(answer.info);
    else job?.reject(failureOf(answer));
    serve(thread);
  });
  let cause: Error | undefined;
  worker.on('error', (error) => {
    cause = error;
  });
  worker.on('exit', () => lose(thread, file, cause));
  return thread;
}

/** The worker has ended. */
function lose(thread: Thread, file: string, cause: Error | undefined): void {
  Atomics.store(thread.isOver, 0, 1);
  started--;
  const at = idle.indexOf(thread);
  if (at >= 0) idle.splice(at, 1);
  thread.job?.reject(endOf(thread.job.request.directory, cause));
  // It may have been the only one: the others that wait must not do so for ever.
  if (waiting.length > 0) engage(file);
}

function endOf(directory: string, cause?: Error): StoreError {
  return new StoreError('SYSTEM', directory, 'Cannot hash a layer: the worker thread ended', { cause });
}

/** Gives the worker the next job; without one it waits, and no longer keeps the process alive. */
function serve(thread: Thread): void {
  const { worker } = thread;
  const job = waiting.shift();
  if (job === undefined) {
    worker.unref();
    idle.push(thread);
    return;
  }
  thread.job = job;
  worker.ref();
  worker.postMessage({ kind: 'hash', ...job.request } satisfies HashMessage);
}
