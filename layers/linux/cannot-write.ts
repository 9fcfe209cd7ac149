const CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/** Whether the disk is full, or mounted read-only: what only reads, or makes room, can go on then. */
export function cannotWrite(error: unknown): boolean {
  return CODES.has((error as NodeJS.ErrnoException).code);
}

/** Runs what only keeps things tidy; where nothing can be written, it is left to another time. */
export function ifWritable(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!cannotWrite(error)) throw error;
  }
}
