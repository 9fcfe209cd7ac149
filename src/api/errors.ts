export type ApiErrorCode =
  | 'NO_SUCH_IMAGE'
  | 'BAD_REQUEST'
  | 'NO_DOCKERFILE'
  | 'NO_CONTEXT'
  | 'NOT_REPRODUCIBLE'
  | 'UNSUPPORTED'
  | 'CONFLICT';

/** A request that cannot be carried out: what is wrong with it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: ApiErrorCode,
    readonly subject: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
