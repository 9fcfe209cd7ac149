/** A mistake on the command line: one line that says what to write instead. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** An option that there is not, or whose value cannot be read: as for Docker every command ends with 125 then. */
export class OptionError extends UsageError {
  override readonly name = 'OptionError';
}
