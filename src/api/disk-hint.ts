const HINTS: Readonly<Record<string, string>> = {
  ENOSPC:
    'The disk is full: make room, for example with "tsctr prune", or set TSBUILD_ROOT to a directory on another one',
  EDQUOT: 'The disk quota is used up: make room, or set TSBUILD_ROOT to a directory that has more',
  EROFS:
    'The filesystem is mounted read-only: if it holds the store, set TSBUILD_ROOT to a directory on another one',
};

/** What to do about a disk that takes nothing, when the error or one behind it is about that. */
export function diskHint(error: unknown): string | undefined {
  for (let next = error; next instanceof Error; next = next.cause) {
    const { code } = next as NodeJS.ErrnoException;
    if (code !== undefined && Object.hasOwn(HINTS, code)) return HINTS[code];
  }
  return undefined;
}
