/** Docker's exit codes for what goes wrong before or instead of the command. */
export const ExitCode = {
  ok: 0,
  failure: 1,
  /** The tool itself failed: bad usage, no such image. */
  tool: 125,
  /** The command cannot be executed. */
  notExecutable: 126,
  /** There is no such command. */
  notFound: 127,
} as const;
