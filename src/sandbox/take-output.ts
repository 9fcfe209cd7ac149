import { readable } from '../linux/readable.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import type { TakeOutput } from './sandbox.ts';

/** As much as a pipe holds, unless its size was changed. */
const PIPE_BYTES = 65_536;

/**
 * Gives what comes out of a pipe to `take` until that has had enough, and closes it: without node:net and its
 * streams, which take 2 ms to load while the program runs.
 */
export async function takeOutput(
  pipe: number,
  sys: Pick<Syscalls, 'read' | 'close'>,
  take: (data: Uint8Array) => ReturnType<TakeOutput>,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(PIPE_BYTES);
  try {
    for (;;) {
      await readable(pipe);
      const length = sys.read(pipe, buffer);
      if (length === 0) return;
      if ((await take(Buffer.from(buffer.subarray(0, length)))) === false) return;
    }
  } finally {
    sys.close(pipe);
  }
}
