import type { Duplex, Readable, Writable } from 'node:stream';
import { O_RDONLY } from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { openMaster } from './pty.ts';
import type { Stdio } from './sandbox.ts';

/** Standard streams of a child to be: its ends, and ours. */
export interface Wiring {
  /** Descriptors for 0, 1 and 2; undefined for a terminal, which the child opens itself. */
  readonly child: readonly [stdin: number, stdout: number, stderr: number] | undefined;
  /** Closes the child's ends here; once, when the child has them or there will be none. */
  closeChildEnds(): void;
  /** Our ends as streams. `terminal` is the master that the child sent. */
  open(terminal: number | undefined): Promise<Streams>;
  /** Closes our ends, when there will be no streams. */
  abandon(): void;
}

export interface Streams {
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  readonly terminal?: Duplex;
  /** When everything that was written has been read. */
  readonly drained: Promise<void>;
}

export function wireStreams(stdio: Stdio, sys: Syscalls): Wiring {
  if (stdio.kind === 'pipes') return wirePipes(stdio.stdin === 'pipe', sys);
  const nothing = () => {};
  if (stdio.kind === 'terminal')
    return { child: undefined, closeChildEnds: nothing, abandon: nothing, open: openTerminal };
  const stdin = stdio.stdin === 'null' ? sys.open('/dev/null', O_RDONLY) : stdio.stdin;
  return {
    child: [stdin, stdio.stdout, stdio.stderr],
    closeChildEnds: () => closeAll(stdio.stdin === 'null' ? [stdin] : [], sys),
    abandon: nothing,
    open: openTerminal,
  };
}

async function openTerminal(master: number | undefined): Promise<Streams> {
  if (master === undefined) return { drained: Promise.resolve() };
  const terminal = await openMaster(master);
  return { terminal, drained: closed(terminal) };
}

function wirePipes(wantsInput: boolean, sys: Syscalls): Wiring {
  const input = wantsInput ? sys.pipe() : undefined;
  const stdin = input?.[0] ?? sys.open('/dev/null', O_RDONLY);
  const output = sys.pipe();
  const errors = sys.pipe();
  const ours = [...(input === undefined ? [] : [input[1]]), output[0], errors[0]];
  return {
    child: [stdin, output[1], errors[1]],
    closeChildEnds: () => closeAll([stdin, output[1], errors[1]], sys),
    abandon: () => closeAll(ours, sys),
    open: async () => {
      const { Socket } = await import('node:net');
      const reader = (fd: number) => new Socket({ fd, readable: true, writable: false });
      const stdout = reader(output[0]);
      const stderr = reader(errors[0]);
      const drained = Promise.all([closed(stdout), closed(stderr)]).then(() => {});
      if (input === undefined) return { stdout, stderr, drained };
      const writer = new Socket({ fd: input[1], readable: false, writable: true });
      // Nobody reads any more: the writer learns it from its own callback, if it wants to know.
      writer.on('error', () => {});
      return { stdin: writer, stdout, stderr, drained };
    },
  };
}

const closed = (stream: Readable) => new Promise<void>((resolve) => stream.once('close', resolve));

function closeAll(fds: readonly number[], sys: Syscalls): void {
  for (const fd of fds) sys.close(fd);
}
