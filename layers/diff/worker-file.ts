import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A worker's bundle beside the bundle that runs now (see build.mjs); undefined when it runs from its sources. */
export function workerFile(name: 'diff-worker' | 'encode-worker'): string | undefined {
  const path = fileURLToPath(new URL(`${name}.cjs`, import.meta.url));
  return existsSync(path) ? path : undefined;
}
