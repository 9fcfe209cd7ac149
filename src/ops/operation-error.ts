/** Codes of {@link OperationError}. Callers test the code, never the text. */
export type OperationErrorCode =
  | 'NOT_FOUND'
  | 'NOT_A_DIRECTORY'
  | 'IS_A_DIRECTORY'
  | 'INVALID_ARGUMENT'
  | 'INVALID_PATTERN'
  | 'DIGEST_MISMATCH'
  | 'UNREACHABLE'
  | 'LIMIT_EXCEEDED'
  | 'UNSUPPORTED';

/** A step cannot do what the Dockerfile says: what it is about, and what the user may do. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  /** One line: what to do. */
  readonly hint: string | undefined;

  constructor(
    readonly code: OperationErrorCode,
    readonly subject: string,
    message: string,
    options?: ErrorOptions & { readonly hint?: string },
  ) {
    super(message, options);
    this.hint = options?.hint;
  }
}
