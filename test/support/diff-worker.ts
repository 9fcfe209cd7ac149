import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleModules } from './bundled-modules.ts';

/** Bundles the worker that hashes layers, as the commands have it, into a folder: its file. */
export async function diffWorker(folder: string): Promise<string> {
  await bundleModules(folder, 'layers/diff/diff-worker.ts');
  return join(folder, 'diff-worker.cjs');
}

/** The same, in the folder of a {@link diffWorker}, but that it ends when it gets a batch. */
export function endingWorker(folder: string): string {
  const file = join(folder, 'ending-worker.cjs');
  writeFileSync(
    file,
    `require('node:worker_threads').parentPort.addEventListener('message', (event) => {
      if (event.data.kind !== 'grow') return;
      event.stopImmediatePropagation();
      throw new Error('no');
    });
    require('./diff-worker.cjs');`,
  );
  return file;
}
