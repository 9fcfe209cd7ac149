import type { ModeChange } from '../llb/op.ts';

const CLAUSE = '[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+';
const SYMBOLIC = new RegExp(`^${CLAUSE}(?:,${CLAUSE})*$`);

/** The value of `--chmod`: octal up to 07777, or symbolic as chmod(1) takes it. Throws Error naming the value. */
export function parseChmod(text: string): ModeChange {
  if (/^[0-7]+$/.test(text) && Number.parseInt(text, 8) <= 0o7777) return { octal: Number.parseInt(text, 8) };
  if (!/^\d/.test(text) && SYMBOLIC.test(text)) return { symbolic: text };
  throw new Error(`invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`);
}
