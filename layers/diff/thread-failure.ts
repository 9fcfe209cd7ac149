import { StoreError, type StoreErrorCode } from '../errors.ts';

/** An error on its way between threads: classes do not survive it, so the parts are told. */
export interface FailureNote {
  readonly message: string;
  readonly code: StoreErrorCode;
  readonly subject: string;
}

export function noteOf(error: unknown, subject: string): FailureNote {
  const { message } = error as Error;
  return error instanceof StoreError
    ? { message, code: error.code, subject: error.subject }
    : { message, code: 'SYSTEM', subject };
}

export function failureOf({ code, subject, message }: FailureNote): StoreError {
  return new StoreError(code, subject, message);
}
