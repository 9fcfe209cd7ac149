import type { Duplex, Readable, Writable } from 'node:stream';
import { O_RDONLY, O_WRONLY } from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { openMaster } from './pty.ts';
import type { Stdio, TakeOutput } from './sandbox.ts';
import { takeOutput } from './take-output.ts';

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
  if (stdio.kind === 'fds') return wireThree(stdio, sys);
  if (stdio.kind === 'pipes') return wireThree({ stdin: stdio.stdin, stdout: 'pipe', stderr: 'pipe' }, sys);
  const nothing = () => {};
  return {
    child: undefined,
    closeChildEnds: nothing,
    abandon: nothing,
    open: (terminal) => openTerminal(terminal, sys),
  };
}

async function openTerminal(master: number | undefined, sys: Syscalls): Promise<Streams> {
  if (master === undefined) return { drained: Promise.resolve() };
  const terminal = await openMaster(master, sys);
  return { terminal, drained: closed(terminal) };
}

/** One stream: the descriptor that the child gets, whether it is closed here then, and our end of a pipe. */
interface Wire {
  readonly fd: number;
  readonly owned: boolean;
  readonly ours?: number;
}

type Choices = Omit<Extract<Stdio, { kind: 'fds' }>, 'kind'>;

function wireThree({ stdin, stdout, stderr, take }: Choices, sys: Syscalls): Wiring {
  const wires = [wireInput(stdin, sys), wireOutput(stdout, sys), wireOutput(stderr, sys)] as const;
  return {
    child: [wires[0].fd, wires[1].fd, wires[2].fd],
    closeChildEnds: () => {
      for (const { fd, owned } of wires) if (owned) sys.close(fd);
    },
    abandon: () => {
      for (const { ours } of wires) if (ours !== undefined) sys.close(ours);
    },
    open: async () => {
      const [input, output, errors] = wires.map(({ ours }) => ours);
      if (take === undefined) return openPipes(input, output, errors);
      const taken = takeAll(output, errors, take, sys);
      taken.catch(() => {}); // told when the process has ended, to whoever waits for it
      const { drained: _, ...streams } = await openPipes(input);
      return { ...streams, drained: taken };
    },
  };
}

function wireInput(choice: number | 'null' | 'pipe', sys: Syscalls): Wire {
  if (choice === 'null') return { fd: sys.open('/dev/null', O_RDONLY), owned: true };
  if (choice !== 'pipe') return { fd: choice, owned: false };
  const [reader, writer] = sys.pipe();
  return { fd: reader, owned: true, ours: writer };
}

function wireOutput(choice: number | 'null' | 'pipe', sys: Syscalls): Wire {
  if (choice === 'null') return { fd: sys.open('/dev/null', O_WRONLY), owned: true };
  if (choice !== 'pipe') return { fd: choice, owned: false };
  const [reader, writer] = sys.pipe();
  return { fd: writer, owned: true, ours: reader };
}

async function takeAll(
  output: number | undefined,
  errors: number | undefined,
  take: TakeOutput,
  sys: Syscalls,
): Promise<void> {
  await Promise.all([
    output !== undefined && takeOutput(output, sys, (data) => take(1, data)),
    errors !== undefined && takeOutput(errors, sys, (data) => take(2, data)),
  ]);
}

async function openPipes(input?: number, output?: number, errors?: number): Promise<Streams> {
  if (input === undefined && output === undefined && errors === undefined)
    return { drained: Promise.resolve() };
  const { Socket } = await import('node:net');
  const reader = (fd: number | undefined) => fd && new Socket({ fd, readable: true, writable: false });
  const stdout = reader(output);
  const stderr = reader(errors);
  const drained = Promise.all([stdout, stderr].map((stream) => stream && closed(stream))).then(() => {});
  const stdin = input && new Socket({ fd: input, readable: false, writable: true });
  // Nobody reads any more: the writer learns it from its own callback, if it wants to know.
  if (stdin) stdin.on('error', () => {});
  return { ...(stdin && { stdin }), ...(stdout && { stdout }), ...(stderr && { stderr }), drained };
}

const closed = (stream: Readable) => new Promise<void>((resolve) => stream.once('close', resolve));
