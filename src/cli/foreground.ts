import { type ExitStatus, type Running, type RunRequest, run, windowSize } from '../index.ts';
import { humanBytes } from './format/size.ts';
import { stderr as ownErrors, stdout as ownOutput } from './output.ts';
import { connectTerminal, feed, pump, terminalSize } from './own-terminal.ts';
import { SignalRelay } from './signal-relay.ts';
import { type TransferOutput, TransferView } from './transfer-view.ts';
import { UsageError } from './usage-error.ts';
import { warn, warnText } from './warn.ts';

export interface ForegroundOptions {
  readonly program: string;
  readonly interactive: boolean;
  readonly terminal: boolean;
  /** Undefined: all. */
  readonly attach?: readonly Stream[];
  /** Pass signals on; without, they end this process and with it the container. */
  readonly signalProxy: boolean;
  /** Show nothing of a pull. */
  readonly quiet: boolean;
  /** Told once the container runs. */
  readonly started?: (container: Running) => void;
}

export type Stream = 'stdin' | 'stdout' | 'stderr';

/** Runs a container on this process' own streams; resolves with the exit status to end with. */
export async function runInForeground(request: RunRequest, options: ForegroundOptions): Promise<number> {
  const relay = new SignalRelay(options.program, options.signalProxy);
  try {
    const start = options.terminal ? onTerminal : onStreams;
    const report = options.quiet ? undefined : pullReport(request.image);
    const status = await start({ ...request, ...report, signal: relay.aborted }, options, relay);
    if (status.oomKilled) warn(outOfMemory(options.program, request));
    return status.code;
  } catch (error) {
    // Stopped before there was a container.
    if (!relay.aborted.aborted || relay.exitCode === undefined) throw error;
    return relay.exitCode;
  } finally {
    relay.close();
  }
}

/** Says at the first bytes that come what they are. */
export function pullReport(image: string): Pick<RunRequest, 'report'> {
  let view: TransferView | undefined;
  return {
    report: (event) => {
      if (view === undefined) warnText(`Unable to find image '${image}' locally\n`);
      view ??= new TransferView(errorOutput(), { doing: 'Downloading', done: 'Pull complete' });
      view.report(event);
    },
  };
}

function errorOutput(): TransferOutput {
  const size = windowSize(2);
  return { write: warnText, isTerminal: size !== undefined, columns: size?.columns || 80 };
}

async function onStreams(
  request: RunRequest,
  { interactive, attach = ['stdin', 'stdout', 'stderr'], started }: ForegroundOptions,
  relay: SignalRelay,
): Promise<ExitStatus> {
  const container = await run(request, {
    kind: 'inherit',
    stdin: interactive && attach.includes('stdin'),
    stdout: attach.includes('stdout'),
    stderr: attach.includes('stderr'),
    take: (stream, data) => (stream === 1 ? ownOutput : ownErrors).pass(data),
  });
  started?.(container);
  relay.connect(container);
  const { stdin, stdout, stderr } = container;
  if (stdin) feed(stdin);
  // Whoever does not read on makes the container's next write fail, as if it had our streams themselves.
  if (stdout) pump(stdout, process.stdout);
  if (stderr) pump(stderr, process.stderr);
  try {
    return await container.wait();
  } finally {
    if (stdin) process.stdin.destroy();
  }
}

async function onTerminal(
  request: RunRequest,
  { interactive, started }: ForegroundOptions,
  relay: SignalRelay,
): Promise<ExitStatus> {
  if (interactive && !process.stdin.isTTY) {
    throw new UsageError('the input device is not a TTY: leave out -t, or start from a terminal');
  }
  const size = terminalSize();
  const container = await run({ ...request, terminal: size }, { kind: 'terminal', ...size });
  started?.(container);
  const { terminal } = container;
  relay.connect(container, () => terminal!.destroy());
  const release = connectTerminal(container, { keyboard: interactive });
  try {
    return await container.wait();
  } finally {
    release();
  }
}

function outOfMemory(program: string, { resources }: RunRequest): string {
  const limit = resources?.memory;
  const what = limit === undefined ? 'its memory limit' : `its memory limit of ${humanBytes(limit)}`;
  return `${program}: out of memory: a process of the container was killed because the container reached ${what}; give it more with -m`;
}
