/** Codes of {@link StoreError}. Callers test the code, never the text. */
export type StoreErrorCode =
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'DIGEST_MISMATCH'
  | 'INVALID_DIGEST'
  | 'INVALID_REFERENCE'
  | 'INVALID_MANIFEST'
  | 'INVALID_ARCHIVE'
  | 'LIMIT_EXCEEDED'
  | 'PATH_ESCAPES_ROOT'
  | 'NOT_A_DIRECTORY'
  | 'IS_A_DIRECTORY'
  | 'UNSUPPORTED'
  | 'IN_USE'
  | 'CORRUPT'
  | 'SYSTEM';

/** What the storage library throws: a code, the subject it is about, and the cause. */
export class StoreError extends Error {
  override readonly name = 'StoreError';

  constructor(
    readonly code: StoreErrorCode,
    readonly subject: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
