import { writeSync } from 'node:fs';

/** A line on standard error. Without process.stderr, which would make a stream that a container shares non-blocking. */
export function warn(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Nobody listens.
  }
}
