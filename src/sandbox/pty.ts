import { Duplex } from 'node:stream';
import { O_NOCTTY, O_RDWR, TIOCGPTPEER, TIOCSPTLCK, TIOCSWINSZ } from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { windowSize } from './terminal.ts';

/** A terminal of the host's, for a runtime that makes the container's own and passes on between the two. */
export function hostTerminal(
  { rows, columns }: { readonly rows: number; readonly columns: number },
  sys: Syscalls,
): { readonly master: number; readonly slave: number } {
  const master = sys.open('/dev/ptmx', O_RDWR | O_NOCTTY);
  sys.ioctl(master, TIOCSPTLCK, new Uint8Array(4));
  sys.ioctl(master, TIOCSWINSZ, windowSize(rows, columns));
  return { master, slave: sys.ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY) };
}

/** The master of a terminal as a stream that ends when the last process of the terminal is gone. */
export async function openMaster(fd: number): Promise<Duplex> {
  const { ReadStream } = await import('node:tty');
  const master = new ReadStream(fd);
  const stream = new Duplex({
    read: () => {
      master.resume();
    },
    write: (chunk, _encoding, done) => {
      master.write(chunk, () => done());
    },
    final: (done) => done(), // the end of input is a character (^D), which only the writer can mean
    destroy: (error, done) => {
      master.destroy();
      done(error);
    },
    autoDestroy: true,
  });
  master.on('data', (chunk) => {
    if (!stream.push(chunk)) master.pause();
  });
  // A hang-up reads as EIO (tty_ioctl(4)): it is the end, not a failure.
  master.on('error', () => end(stream));
  master.on('close', () => end(stream));
  master.pause();
  return stream;
}

function end(stream: Duplex): void {
  if (stream.readableEnded || stream.destroyed) return;
  stream.push(null);
  stream.end();
}
