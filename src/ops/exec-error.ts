import type { ExitStatus } from '../sandbox/sandbox.ts';

/** A RUN step's process did not succeed. */
export class ExecError extends Error {
  override readonly name = 'ExecError';

  constructor(
    readonly args: readonly string[],
    readonly status: ExitStatus,
  ) {
    const cause = status.oomKilled ? ' (killed: out of memory)' : '';
    super(`process "${args.join(' ')}" did not complete successfully: exit code: ${status.code}${cause}`);
  }
}
