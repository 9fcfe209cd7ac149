import { writeSync } from 'node:fs';

/** What a supervisor tells the process that has started it: one line of JSON each, on descriptor 3. */
export type Report =
  | { readonly kind: 'listening' }
  | { readonly kind: 'started' }
  | {
      readonly kind: 'failed';
      readonly name: string;
      readonly code?: string;
      readonly subject?: string;
      readonly message: string;
    };

/** Descriptors of a supervisor, besides the standard ones. */
export const REPORT_FD = 3;
export const OWNER_FD = 4;

/** Nobody may be listening any more. */
export function send(report: Report): void {
  try {
    writeSync(REPORT_FD, `${JSON.stringify(report)}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

export function failureReport(error: unknown): Report {
  const { name, code, subject, message } = error as Error & {
    readonly code?: string;
    readonly subject?: string;
  };
  return {
    kind: 'failed',
    name,
    ...(code !== undefined && { code }),
    ...(subject !== undefined && { subject }),
    message,
  };
}

/** The error as it was thrown there, as far as it was passed on. */
export function failureOf(report: Extract<Report, { kind: 'failed' }>): Error {
  const { name, code, subject, message } = report;
  return Object.assign(new Error(message), { name, code, subject });
}
