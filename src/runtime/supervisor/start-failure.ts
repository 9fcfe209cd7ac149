/** Why a container does not start, as it is passed on between processes, and as it is recorded. */
export interface StartFailure {
  /** Docker's: 127 no such command, 126 not executable, 128 for the rest. */
  readonly code: number;
  readonly message: string;
}

const CODES: Readonly<Record<string, number>> = { NOT_FOUND: 127, NOT_EXECUTABLE: 126 };

export function startFailure(error: unknown): StartFailure {
  const { name, code = '', message } = error as Error & { readonly code?: string };
  return { code: (name === 'SandboxError' && CODES[code]) || 128, message };
}
