import { join } from 'node:path';
import { bundleModules } from './bundled-modules.ts';

/** Bundles the worker that hashes layers, as the commands have it, into a folder: its file. */
export async function diffWorker(folder: string): Promise<string> {
  await bundleModules(folder, 'layers/diff/diff-worker.ts');
  return join(folder, 'diff-worker.cjs');
}
