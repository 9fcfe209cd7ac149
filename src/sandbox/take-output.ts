import { readable } from '../linux/readable.ts';
import type { Syscalls } from '../linux/syscalls.ts';

/** As much as a pipe holds, unless its size was changed. */
const PIPE_BYTES = 65_536;

/**
 * Gives all that comes out of a pipe to `take`, and closes it: without node:net and its streams, which take 2 ms to load
 * while the program runs.
 */
export async function takeOutput(
  pipe: number,
  sys: Pick<Syscalls, 'read' | 'close'>,
  take: (data: Uint8Array) => void,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(PIPE_BYTES);
  try {
    for (;;) {
      await readable(pipe);
      const length = sys.read(pipe, buffer);
      if (length === 0) return;
      take(Buffer.from(buffer.subarray(0, length)));
    }
  } finally {
    sys.close(pipe);
  }
}
