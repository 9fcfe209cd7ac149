/** Where RUN --mount=type=secret and type=ssh get their content; nothing of it is ever stored. */
export interface SecretSource {
  /** Undefined when the caller gave no such secret. */
  secret(id: string): Uint8Array | undefined;
  /** Path of an agent's socket; undefined when none was forwarded. */
  sshSocket(id: string): string | undefined;
}

export class SecretError extends Error {
  override readonly name = 'SecretError';

  constructor(
    readonly id: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}
