import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Whether a program is in PATH. */
export function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
