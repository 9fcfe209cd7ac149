import { closeSync, readSync } from 'node:fs';
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
export async function openMaster(fd: number, sys: Pick<Syscalls, 'duplicate'>): Promise<Duplex> {
  const { ReadStream } = await import('node:tty');
  const rest = new Rest(sys.duplicate(fd));
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
      rest.close();
      done(error);
    },
    autoDestroy: true,
  });
  const end = () => {
    if (stream.readableEnded || stream.destroyed) return;
    for (const chunk of rest.read()) stream.push(chunk);
    stream.push(null);
    stream.end();
  };
  master.on('data', (chunk) => {
    if (!stream.push(chunk)) master.pause();
  });
  // A hang-up reads as EIO (tty_ioctl(4)): it is the end, not a failure.
  master.on('error', end);
  master.on('close', end);
  master.pause();
  return stream;
}

/**
 * What a terminal still holds when its stream has ended: a stream takes a short read at a hang-up for the last one, but
 * a terminal's last words may come in several.
 */
class Rest {
  readonly #chunk = Buffer.alloc(4096);
  #fd: number | undefined;

  /** Takes over the descriptor, which does not block. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  *read(): Generator<Buffer> {
    for (let length = this.#next(); length > 0; length = this.#next())
      yield Buffer.from(this.#chunk.subarray(0, length));
    this.close();
  }

  #next(): number {
    if (this.#fd === undefined) return 0;
    try {
      return readSync(this.#fd, this.#chunk);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'EIO' || code === 'EAGAIN') return 0;
      throw error;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
