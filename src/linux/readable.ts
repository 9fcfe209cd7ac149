import { koffi } from '../../layers/index.ts';

/**
 * Resolves when `fd` can be read, or its other end is closed. It keeps the process alive meanwhile.
 *
 * As little as possible happens inside the library's own callback: an exception there is kept for whatever comes next in
 * this thread, and promises that are resolved there go on only with the next event of another kind.
 */
export function readable(fd: number): Promise<void> {
  return new Promise((resolve) => {
    const handle = koffi().node.poll(fd, { readable: true }, () => {
      handle.stop();
      handle.close();
      setImmediate(resolve);
    });
  });
}
