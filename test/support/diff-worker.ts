import { join } from 'node:path';
import { build } from 'esbuild';

/** Bundles the worker that hashes layers, as the commands have it, into a folder: its file. */
export async function diffWorker(folder: string): Promise<string> {
  const layers = join(import.meta.dirname, '../../layers');
  await build({
    entryPoints: { 'diff-worker': join(layers, 'diff/diff-worker.ts') },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['koffi', '@koromix/*'],
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
    outdir: folder,
    outExtension: { '.js': '.cjs' },
  });
  return join(folder, 'diff-worker.cjs');
}
