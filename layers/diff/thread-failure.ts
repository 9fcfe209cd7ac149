import { StoreError, type StoreErrorCode } from '../errors.ts';
import { SystemCallError } from '../linux/errno.ts';

/** An error on its way between threads: classes do not survive it, so the parts are told. */
export interface FailureNote {
  readonly message: string;
  readonly code: StoreErrorCode;
  readonly subject: string;
  /** The system call behind it. */
  readonly cause?: Pick<SystemCallError, 'syscall' | 'errno' | 'path'>;
}

export function noteOf(error: unknown, subject: string): FailureNote {
  const { message } = error as Error;
  const cause = causeOf(error);
  return error instanceof StoreError
    ? { message, code: error.code, subject: error.subject, ...cause }
    : { message, code: 'SYSTEM', subject, ...cause };
}

function causeOf(error: unknown): Pick<FailureNote, 'cause'> | undefined {
  const call = error instanceof SystemCallError ? error : (error as Error).cause;
  if (!(call instanceof SystemCallError)) return undefined;
  const { syscall, errno, path } = call;
  return { cause: { syscall, errno, ...(path !== undefined && { path }) } };
}

export function failureOf({ code, subject, message, cause }: FailureNote): StoreError {
  return new StoreError(
    code,
    subject,
    message,
    cause && { cause: new SystemCallError(cause.syscall, cause.errno, cause.path) },
  );
}
