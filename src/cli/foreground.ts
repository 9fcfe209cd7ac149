import { constants } from 'node:os';
import { type RunRequest, run } from '../index.ts';
import { UsageError } from './usage-error.ts';

export interface ForegroundOptions {
  readonly interactive: boolean;
  readonly terminal: boolean;
}

/** Signals that are the container's business while it runs. The rest keep their meaning for this process. */
const FORWARDED: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGCONT',
  'SIGALRM',
];

/** Runs a container on this process' own streams; resolves with the exit status to end with. */
export async function runInForeground(request: RunRequest, options: ForegroundOptions): Promise<number> {
  return options.terminal ? onTerminal(request, options) : onStreams(request, options);
}

async function onStreams(request: RunRequest, { interactive }: ForegroundOptions): Promise<number> {
  const container = await run(request, { kind: 'inherit', stdin: interactive });
  const stop = forwardSignals(container.kill);
  try {
    return (await container.wait()).code;
  } finally {
    stop();
  }
}

async function onTerminal(request: RunRequest, { interactive }: ForegroundOptions): Promise<number> {
  if (interactive && !process.stdin.isTTY) {
    throw new UsageError('the input device is not a TTY: leave out -t, or start from a terminal');
  }
  const [columns, rows] = process.stdout.isTTY ? process.stdout.getWindowSize() : [80, 24];
  const container = await run(
    { ...request, terminal: { rows, columns } },
    { kind: 'terminal', rows, columns },
  );
  const terminal = container.terminal!;
  const stop = forwardSignals(container.kill);
  const resize = () => container.resize(process.stdout.rows, process.stdout.columns);
  process.stdout.on('resize', resize);
  if (interactive) {
    process.stdin.setRawMode(true);
    process.stdin.pipe(terminal);
  }
  terminal.pipe(process.stdout, { end: false });
  try {
    return (await container.wait()).code;
  } finally {
    stop();
    process.stdout.off('resize', resize);
    if (interactive) {
      process.stdin.unpipe(terminal);
      process.stdin.setRawMode(false);
      process.stdin.unref();
    }
  }
}

function forwardSignals(kill: (signal: number) => void): () => void {
  const handlers = FORWARDED.map((name) => [name, () => kill(constants.signals[name])] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}
