import { parentPort, workerData } from 'node:worker_threads';
import { GrowingLayer } from './growing-layer.ts';
import { hashLayerSync, type LayerInfo } from './hash-layer.ts';
import type { HashAnswer, HashMessage } from './hash-pool.ts';
import { StepBatch } from './step-batch.ts';
import { noteOf } from './thread-failure.ts';

/** The layer that grows, or why it cannot be hashed: told when it is asked for. */
let growing: { readonly layer: GrowingLayer } | { readonly error: unknown } | undefined;

// Whoever waits for a batch sees no event meanwhile, but looks at this word.
const isOver = workerData as Int32Array;
process.on('exit', () => {
  Atomics.store(isOver, 0, 1);
  drop();
});

/** Entry of the worker thread: one layer at a time. */
parentPort?.on('message', (message: HashMessage) => {
  switch (message.kind) {
    case 'hash':
      return answer(message.directory, () => hashLayerSync(message.directory, message.options)!);
    case 'start':
      return attempt(() => ({ layer: new GrowingLayer(message.directory, message.options) }));
    case 'grow':
      return attempt((layer) => {
        const batch = new StepBatch(message.memory);
        if (layer === undefined) refuse(batch);
        else layer.grow(batch);
        return growing;
      });
    case 'finish':
      return answer(message.directory, finish);
    case 'drop':
      drop();
  }
});

function attempt(act: (layer: GrowingLayer | undefined) => typeof growing): void {
  try {
    growing = act(growing && 'layer' in growing ? growing.layer : undefined);
  } catch (error) {
    drop();
    growing = { error };
  }
}

/** After a failure: whoever waits for the batch has to know. */
function refuse(batch: StepBatch): void {
  if (growing && 'error' in growing) batch.fail(growing.error, '');
  batch.release();
}

function finish(): LayerInfo {
  try {
    if (growing === undefined) throw new Error('no layer was started');
    if ('error' in growing) throw growing.error;
    return growing.layer.finish();
  } finally {
    drop();
  }
}

function drop(): void {
  if (growing && 'layer' in growing) growing.layer.close();
  growing = undefined;
}

function answer(subject: string, hash: () => LayerInfo): void {
  parentPort?.postMessage(outcome(subject, hash));
}

function outcome(subject: string, hash: () => LayerInfo): HashAnswer {
  try {
    return { info: hash() };
  } catch (error) {
    return noteOf(error, subject);
  }
}
