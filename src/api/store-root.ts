import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the store is: `$TSBUILD_ROOT`, else the system's place for root and the user's own for anybody else. */
export function storeRoot(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.TSBUILD_ROOT) return environment.TSBUILD_ROOT;
  if (process.getuid?.() === 0) return '/var/lib/tsbuild';
  return join(environment.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'tsbuild');
}
