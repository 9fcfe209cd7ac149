import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

/** Before all tests: bundles the commands anew, so that those which start them start what is in the tree. */
export default function buildCommands(): void {
  const repository = resolve(import.meta.dirname, '../..');
  execFileSync(process.execPath, ['build.mjs'], { cwd: repository, stdio: 'inherit' });
}
