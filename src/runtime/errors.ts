export type RuntimeErrorCode = 'BAD_OPTION' | 'NOT_FOUND' | 'CONFLICT' | 'NO_COMMAND' | 'BAD_USER';

/** A container cannot be made from what was asked for: what is wrong, and where it says so. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';

  constructor(
    readonly code: RuntimeErrorCode,
    readonly subject: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
