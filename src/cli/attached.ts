import { constants } from 'node:os';
import { Duplex } from 'node:stream';
import { type Attached, killContainer } from '../index.ts';
import { DEFAULT_DETACH_KEYS, DetachKeyFilter, parseDetachKeys } from './detach-keys.ts';
import { ExitCode } from './exit-status.ts';
import { connectTerminal, pump } from './own-terminal.ts';
import { UsageError } from './usage-error.ts';

export interface AttachedOptions {
  /** Pass our standard input on. */
  readonly interactive: boolean;
  /** Pass signals on, where the container has no terminal. */
  readonly signalProxy: boolean;
  readonly detachKeys?: string | undefined;
}

/** Shows the container's streams on ours until it ends or is left; resolves with the exit status to end with. */
export async function follow(attached: Attached, options: AttachedOptions): Promise<number> {
  let isLeft = false;
  const leave = () => {
    isLeft = true;
    attached.detach();
  };
  const release = attached.hasTerminal ? onTerminal(attached, options, leave) : onStreams(attached, options);
  try {
    return (await attached.wait()) ?? ExitCode.ok;
  } finally {
    release();
    if (isLeft) process.stderr.write('read escape sequence\n');
  }
}

function onTerminal(
  attached: Attached,
  { interactive, detachKeys }: AttachedOptions,
  leave: () => void,
): () => void {
  if (interactive && !process.stdin.isTTY)
    throw new UsageError('the input device is not a TTY: leave out -t, or start from a terminal');
  // An empty text turns it off.
  const text = detachKeys ?? attached.detachKeys ?? DEFAULT_DETACH_KEYS;
  const filter = text === '' ? undefined : new DetachKeyFilter(parseDetachKeys(text));
  const terminal = new Duplex({
    read: () => {
      attached.stdout.resume();
    },
    write: (chunk: Buffer, _encoding, done) => {
      const { pass, detach } = filter?.push(chunk) ?? { pass: chunk, detach: false };
      const more = pass.length === 0 || attached.write(pass);
      if (detach) leave();
      if (more) done();
      else attached.drained(done);
    },
  });
  attached.stdout.on('data', (chunk) => {
    if (!terminal.push(chunk)) attached.stdout.pause();
  });
  attached.stdout.on('end', () => terminal.push(null));
  return connectTerminal(
    { terminal, resize: (rows, columns) => attached.resize(rows, columns) },
    { keyboard: interactive },
  );
}

function onStreams(attached: Attached, { interactive, signalProxy }: AttachedOptions): () => void {
  pump(attached.stdout, process.stdout);
  pump(attached.stderr, process.stderr);
  const stopRelay = signalProxy ? relaySignals(attached.id) : () => {};
  if (!interactive) return stopRelay;
  process.stdin.on('data', (chunk: Buffer) => {
    if (attached.write(chunk)) return;
    process.stdin.pause();
    attached.drained(() => process.stdin.resume());
  });
  process.stdin.on('end', () => attached.endInput());
  return () => {
    stopRelay();
    process.stdin.destroy();
  };
}

const RELAYED: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'];

function relaySignals(id: string): () => void {
  const handlers = RELAYED.map((name) => {
    const handler = () => {
      // It has ended meanwhile: then this ends too.
      killContainer(id, { signal: String(constants.signals[name]) }).catch(() => {});
    };
    process.on(name, handler);
    return [name, handler] as const;
  });
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}
