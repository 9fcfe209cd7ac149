import type { Socket } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { ContainerStore } from '../runtime/container-store.ts';
import { connectSupervisor } from '../runtime/supervisor/client.ts';
import { FrameReader, FrameType, frame, jsonFrame } from '../runtime/supervisor/frames.ts';
import { ApiError } from './errors.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export interface AttachRequest extends StoreLocation {
  /** Which of its streams; all unless told. */
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}

/** The streams of a container that runs in the background. */
export interface Attached {
  readonly id: string;
  /** It has a terminal: all output is in `stdout`, as the terminal puts it. */
  readonly hasTerminal: boolean;
  /** The container's own, for who did not choose others. */
  readonly detachKeys: string | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Bytes for its standard input; answers whether more may come before `drained`. */
  write(bytes: Buffer): boolean;
  drained(callback: () => void): void;
  endInput(): void;
  resize(rows: number, columns: number): void;
  /** Takes the container's terminal away. */
  hangUp(): void;
  /** Leaves it alone. */
  detach(): void;
  /** Exit code, when it has ended and all its output is in the streams; undefined when the connection ended first. */
  wait(): Promise<number | undefined>;
}

/** Attaches to a container that a supervisor looks after. Throws `NOT_FOUND`, and `CONFLICT` for one that does not run. */
export function attach(name: string, request: AttachRequest = {}): Promise<Attached> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const state = containers.find(name);
    const { stdin = true, stdout = true, stderr = true } = request;
    const socket = await connectSupervisor(containers.directoryOf(state.id), {
      want: 'attach',
      stdin,
      stdout,
      stderr,
    });
    if (socket === undefined) throw notAttachable(name, state.status);
    const { terminal, detachKeys } = state.options;
    return { id: state.id, hasTerminal: terminal !== undefined, detachKeys, ...attached(socket) };
  });
}

/** As {@link attach}, but refuses one that is not running now. */
export function attachToRunning(name: string, request: AttachRequest = {}): Promise<Attached> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const { status } = containers.find(name);
    if (status !== 'running') throw notAttachable(name, status);
    return attach(name, request);
  });
}

function notAttachable(name: string, status: string): ApiError {
  const reasons: Readonly<Record<string, string>> = {
    paused: 'cannot attach to a paused container, unpause it first',
    restarting: 'cannot attach to a restarting container, wait until it is running',
    running: `cannot attach to container ${name}: it runs in the foreground of another command, which has its streams`,
  };
  return new ApiError(
    'CONFLICT',
    name,
    reasons[status] ?? 'cannot attach to a stopped container, start it first',
  );
}

function attached(socket: Socket): Omit<Attached, 'id' | 'hasTerminal' | 'detachKeys'> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const reader = new FrameReader();
  let code: number | undefined;
  const put = (stream: PassThrough, bytes: Buffer) => {
    if (stream.write(bytes)) return;
    socket.pause();
    stream.once('drain', () => socket.resume());
  };
  socket.on('data', (chunk: Buffer) => {
    for (const { type, payload } of reader.push(chunk)) {
      if (type === FrameType.stdout) put(stdout, payload);
      else if (type === FrameType.stderr) put(stderr, payload);
      else if (type === FrameType.exit) code = (JSON.parse(payload.toString()) as { code: number }).code;
    }
  });
  socket.on('error', () => {}); // Its supervisor is gone: 'close' says so too.
  const ended = new Promise<number | undefined>((resolve) => {
    socket.once('close', () => {
      stdout.end();
      stderr.end();
      resolve(code);
    });
  });
  return {
    stdout,
    stderr,
    write: (bytes) => socket.write(frame(FrameType.stdin, bytes)),
    drained: (callback) => socket.once('drain', callback),
    endInput: () => {
      socket.write(frame(FrameType.stdinEnd));
    },
    resize: (rows, columns) => {
      if (!socket.destroyed) socket.write(jsonFrame(FrameType.resize, { rows, columns }));
    },
    hangUp: () => {
      if (!socket.destroyed) socket.write(frame(FrameType.hangUp));
    },
    detach: () => {
      socket.destroy();
    },
    wait: () => ended,
  };
}
