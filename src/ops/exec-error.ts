import type { ExitStatus } from '../sandbox/sandbox.ts';

/** A RUN step's process did not succeed. */
export class ExecError extends Error {
  override readonly name = 'ExecError';

  constructor(
    readonly args: readonly string[],
    readonly status: ExitStatus,
  ) {
    const cause = status.oomKilled ? ' (killed: out of memory)' : '';
    super(`process "${shortened(args)}" did not complete successfully: exit code: ${status.code}${cause}`);
  }
}

/** Characters of a command; where it stands in the Dockerfile, the rest can be read. */
const MOST_SHOWN = 160;

function shortened(args: readonly string[]): string {
  const text = args.join(' ').replace(/\s+/g, ' ').trim();
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}…`;
}
