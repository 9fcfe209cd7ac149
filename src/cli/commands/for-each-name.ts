import { ExitCode } from '../exit-status.ts';

/** Mistakes in one name, which leave the others to be dealt with. */
const OF_ONE = new Set(['NOT_FOUND', 'NO_SUCH_IMAGE', 'CONFLICT', 'BAD_REQUEST', 'BAD_OPTION']);

/** Does the same for every name, as Docker does: what cannot be done is said, and the rest is done. */
export async function forEachName(
  names: readonly string[],
  action: (name: string) => Promise<void>,
): Promise<number> {
  let status: number = ExitCode.ok;
  for (const name of names) {
    try {
      await action(name);
    } catch (error) {
      const { code = '', message } = error as Error & { readonly code?: string };
      if (!OF_ONE.has(code)) throw error;
      process.stderr.write(`Error: ${message}\n`);
      status = ExitCode.failure;
    }
  }
  return status;
}
