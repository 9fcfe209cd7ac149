import { writeSync } from 'node:fs';

/** Text on standard error. Without process.stderr, which would make a stream that a container shares non-blocking. */
export function warnText(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody listens.
  }
}

/** A line on standard error, as {@link warnText}. */
export function warn(line: string): void {
  warnText(`${line}\n`);
}
