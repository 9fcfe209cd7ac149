import { errnoMessage, SyscallError } from '../linux/errno.ts';
import { SandboxError, type SandboxErrorCode } from './sandbox.ts';

/** Runs `action`; a failed call becomes a `SandboxError` that says `what` could not be done and why. */
export function attempt<T>(
  subject: string,
  what: string,
  action: () => T,
  code: SandboxErrorCode = 'SYSTEM',
): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new SandboxError(code, subject, `Cannot ${what}: ${errnoMessage(error.code)}`, { cause: error });
  }
}
