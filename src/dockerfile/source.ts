/** 1-based lines, inclusive. */
export interface SourceRange {
  readonly start: number;
  readonly end: number;
}

/** A Dockerfile's text and the name it is called by in messages. */
export interface DockerfileSource {
  readonly file: string;
  readonly text: string;
}

export type DockerfileErrorCode =
  | 'EMPTY'
  | 'SYNTAX'
  | 'UNKNOWN_INSTRUCTION'
  | 'UNKNOWN_FLAG'
  | 'BAD_FLAG'
  | 'BAD_ARGUMENT'
  | 'UNTERMINATED_HEREDOC'
  | 'UNKNOWN_STAGE'
  | 'CIRCULAR'
  | 'EXPANSION'
  | 'NOT_FOUND'
  | 'UNSUPPORTED'
  | 'LINT';

/** A mistake in a Dockerfile (or .dockerignore): what, where, and what to do about it. */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError';
  /** The words that are wrong, as they stand in the file: what an excerpt underlines. */
  readonly subject: string | undefined;

  constructor(
    readonly code: DockerfileErrorCode,
    message: string,
    readonly source: DockerfileSource | undefined,
    readonly ranges: readonly SourceRange[],
    /** One line that says what to write instead. */
    readonly hint?: string,
    options?: ErrorOptions & { readonly subject?: string | undefined },
  ) {
    super(message, options);
    this.subject = options?.subject;
  }
}
