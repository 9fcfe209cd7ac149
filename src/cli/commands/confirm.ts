import { createInterface } from 'node:readline/promises';

/** Whether the person at the terminal wants what the warning tells of. */
export async function confirmed(warning: string): Promise<boolean> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `WARNING! This will remove ${warning}\nAre you sure you want to continue? [y/N] `;
    // At the end of input there is no answer, which is none.
    const answered = reader.question(question);
    const ended = new Promise<string>((resolve) => reader.once('close', () => resolve('')));
    return /^y(es)?$/i.test(await Promise.race([answered, ended]));
  } finally {
    reader.close();
  }
}
