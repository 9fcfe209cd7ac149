import { koffi, loadedKoffi } from '../../layers/index.ts';
import { F_GETFL, O_NONBLOCK } from './constants.ts';

const STANDARD_STREAMS = [0, 1, 2];

/**
 * A way to end this process at once, as `_exit(2)` does it: without tearing down V8's heap, its threads and koffi, which
 * takes longer than many a command's work. Undefined where that is not fast or not right: where koffi was not needed so
 * far, and where a standard stream is a terminal or does not block, as Node leaves those that it has written to. Whoever
 * shares them would keep them so, and Node's own end puts them back.
 */
export function leaveAtOnce(): ((status: number) => void) | undefined {
  const loaded = loadedKoffi();
  if (loaded === undefined) return undefined;
  const libc = loaded.load(null);
  const isTerminal = libc.func('isatty', 'int', ['int']);
  const control = libc.func('fcntl', 'int', ['int', 'int', 'int']);
  for (const fd of STANDARD_STREAMS) {
    const flags = Number(control(fd, F_GETFL, 0));
    if (flags === -1 || (flags & O_NONBLOCK) !== 0 || isTerminal(fd) === 1) return undefined;
  }
  return exitAtOnce;
}

/** `_exit(2)`. */
export function exitAtOnce(status: number): void {
  koffi().load(null).func('_exit', 'void', ['int'])(status);
}
