import { constants } from 'node:os';

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** A failed system call. `code` is the symbolic name (`ENOENT`), as in Node's own errors. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  readonly code: string;

  constructor(
    readonly syscall: string,
    readonly errno: number,
    readonly path?: string,
  ) {
    const code = names.get(errno) ?? `errno ${errno}`;
    super(path === undefined ? `${code}: ${syscall}` : `${code}: ${syscall} '${path}'`);
    this.code = code;
  }
}
