import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** A failed system call, worded as Node's own errors are. `code` is the symbolic name (`ENOENT`). */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  readonly code: string;

  constructor(
    readonly syscall: string,
    readonly errno: number,
    readonly path?: string,
  ) {
    const code = names.get(errno) ?? `errno ${errno}`;
    const [, text] = getSystemErrorMap().get(-errno) ?? [];
    const what = text === undefined ? code : `${code}: ${text}`;
    super(path === undefined ? `${what}, ${syscall}` : `${what}, ${syscall} '${shown(path)}'`);
    this.code = code;
  }
}

/** Bytes as text; of a path that nobody would read to the end, the end that tells it from others. */
function shown(path: string): string {
  const text = Buffer.from(path, 'latin1').toString('utf8');
  return text.length > 300 ? `…${text.slice(-150)}` : text;
}
