import type { Syscalls } from '../linux/syscalls.ts';

/** Makes the descriptors 0, 1 and 2, whatever their numbers are and though they may be each other's. */
export function takeStreams(streams: readonly number[], sys: Syscalls): void {
  const copies = streams.map((fd) => sys.duplicate(fd));
  copies.forEach((fd, stream) => {
    sys.dup2(fd, stream);
    sys.close(fd);
  });
}
