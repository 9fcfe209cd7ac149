import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { StoreError, type StoreErrorCode } from '../errors.ts';
import type { LayerInfo } from './hash-layer.ts';
import type { LayerOptions } from './layer-tar.ts';

export interface HashRequest {
  readonly directory: string;
  readonly options: LayerOptions;
}

export type HashAnswer =
  | { readonly info: LayerInfo }
  | { readonly message: string; readonly code: StoreErrorCode; readonly subject: string };

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

/** Finds a worker for what waits. */
function engage(file: string): void {
  const worker = idle.pop() ?? (started < availableParallelism() ? start(file) : undefined);
  if (worker !== undefined) serve(worker, file);
}

function start(file: string): Worker {
  started++;
  // The descriptors that the worker opens are its own business: no warning about numbers used twice.
  return new Worker(file, { trackUnmanagedFds: false });
}

/** Gives the worker the next job; without one it waits, and no longer keeps the process alive. */
function serve(worker: Worker, file: string): void {
  const job = waiting.shift();
  if (job === undefined) {
    worker.unref();
    idle.push(worker);
    return;
  }
  const release = () => worker.removeAllListeners('message').removeAllListeners('error');
  worker.ref();
  worker.on('message', (answer: HashAnswer) => {
    release();
    if ('info' in answer) job.resolve(answer.info);
    else job.reject(new StoreError(answer.code, answer.subject, answer.message));
    serve(worker, file);
  });
  worker.on('error', (error) => {
    release();
    started--;
    job.reject(
      new StoreError('SYSTEM', job.request.directory, 'Cannot hash a layer: the worker thread ended', {
        cause: error,
      }),
    );
    // It may have been the only one: the others that wait must not do so for ever.
    if (waiting.length > 0) engage(file);
  });
  worker.postMessage(job.request);
}
