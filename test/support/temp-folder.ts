import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { emptyTrash } from '../../layers/gc/trash.ts';

/** A folder of its own for the running test, removed when the test is over, however deep it has become. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-test-'));
  onTestFinished(async () => {
    if (existsSync(folder)) await emptyTrash(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  return folder;
}

/** A folder for a suite, which removes it itself. */
export function lastingFolder(): { readonly path: string; remove(): Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), 'tsbuild-test-'));
  return {
    path,
    async remove() {
      await emptyTrash(path);
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
