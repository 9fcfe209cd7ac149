import { parentPort } from 'node:worker_threads';
import { StoreError } from '../errors.ts';
import { hashLayerSync } from './hash-layer.ts';
import type { HashAnswer, HashRequest } from './hash-pool.ts';

/** Entry of the worker thread: one layer per message. */
parentPort?.on('message', ({ directory, options }: HashRequest) => {
  parentPort?.postMessage(answer(directory, options));
});

function answer(directory: string, options: HashRequest['options']): HashAnswer {
  try {
    return { info: hashLayerSync(directory, options)! };
  } catch (error) {
    const { message } = error as Error;
    // Classes do not survive the way between threads: tell the parts.
    return error instanceof StoreError
      ? { message, code: error.code, subject: error.subject }
      : { message, code: 'SYSTEM', subject: directory };
  }
}
