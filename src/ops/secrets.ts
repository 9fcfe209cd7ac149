import type { SshKey } from './ssh-keys.ts';

/** Where RUN --mount=type=secret and type=ssh get their content; nothing of it is ever stored. */
export interface SecretSource {
  /** Undefined when the caller gave no such secret. */
  secret(id: string): Uint8Array | undefined;
  /** What can be asked for. */
  readonly secretIds: readonly string[];
  /** Path of an agent's socket, or keys to be one with; undefined when none was forwarded. */
  sshSocket(id: string): string | readonly SshKey[] | undefined;
}

/** A step needs a secret, or an agent, that the caller did not give. */
export class SecretError extends Error {
  override readonly name = 'SecretError';

  constructor(
    /** As the mount's option has it, mostly: `id=x`, `type=ssh`. */
    readonly subject: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}
