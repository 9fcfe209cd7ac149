import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Command } from 'commander';
import {
  type Attached,
  attach,
  type ContainerName,
  killContainer,
  type RunRequest,
  runDetached,
} from '../../index.ts';
import { follow } from '../attached.ts';
import { ExitCode } from '../exit-status.ts';
import { pullReport, runInForeground, type Stream } from '../foreground.ts';
import { OptionValues } from '../option-values.ts';
import { stdout } from '../output.ts';
import { terminalSize } from '../own-terminal.ts';
import { SignalRelay } from '../signal-relay.ts';
import { UsageError } from '../usage-error.ts';
import { warn } from '../warn.ts';
import { networkWarnings } from './network-options.ts';
import { declareRunOptions } from './options.ts';
import { runRequest } from './request.ts';
import { withLimitsHere } from './resources.ts';

/** `tsrun`, and `tsctr run`, as a command of that name. */
export function declareRun(command: Command): Command {
  return declareRunOptions(command)
    .description('Run a command in a new container')
    .usage('[OPTIONS] IMAGE [COMMAND] [ARG...]')
    .argument('<image>', 'name, digest or id of an image')
    .argument('[command...]', 'command and arguments, in place of those of the image')
    .helpOption('--help', 'show this')
    .passThroughOptions();
}

/** Runs what the parsed command line says; resolves with the exit status to end with. */
export function runParsed(command: Command, program: string): Promise<number> {
  const values = new OptionValues(command.opts());
  const [image = '', ...args] = command.args;
  const attach = values.many('attach').map(parseStream);
  const request = withLimitsHere(runRequest(values.raw, image, args));
  for (const line of networkWarnings(request)) warn(line);
  if (values.flag('detach')) return inBackground(values, request, attach);
  if (needsSupervisor(values, request)) return runAttached(values, request, program);
  return withIdFile(values.one('cidfile'), (started) =>
    runInForeground(request, {
      program,
      interactive: values.flag('interactive') || attach.includes('stdin'),
      terminal: values.flag('tty'),
      quiet: values.flag('quiet'),
      ...(attach.length > 0 && { attach }),
      signalProxy: values.raw.sigProxy !== false,
      started,
    }),
  );
}

function inBackground(values: OptionValues, request: RunRequest, attach: readonly Stream[]): Promise<number> {
  if (attach.length > 0) throw new UsageError('conflicting options: -a and -d');
  return withIdFile(values.one('cidfile'), async (started) => {
    const terminal = values.flag('tty') ? { terminal: { rows: 24, columns: 80 } } : {};
    const report = values.flag('quiet') ? {} : pullReport(request.image);
    const container = await runDetached({ ...request, ...terminal, ...report });
    started(container);
    stdout.write(`${container.id}\n`);
    return ExitCode.ok;
  });
}

/**
 * What outlives this process, or may, cannot be looked after by it: also what runs in a terminal with a keyboard, which
 * has keys to leave it (ctrl-p ctrl-q).
 */
function needsSupervisor(values: OptionValues, { restart, detachKeys }: RunRequest): boolean {
  const isTyped = values.flag('tty') && values.flag('interactive') && values.many('attach').length === 0;
  return isTyped || detachKeys !== undefined || (restart !== undefined && restart.name !== 'no');
}

/** In the background, with our streams attached to it: it ends when it wants to, and this ends with it. */
function runAttached(values: OptionValues, request: RunRequest, program: string): Promise<number> {
  const interactive = values.flag('interactive');
  const terminal = values.flag('tty');
  const signalProxy = values.raw.sigProxy !== false;
  if (terminal && interactive && !process.stdin.isTTY)
    throw new UsageError('the input device is not a TTY: leave out -t, or start from a terminal');
  return withIdFile(values.one('cidfile'), async (started) => {
    // Without a terminal signals are relayed by who follows the streams.
    const relay = terminal ? new SignalRelay(program, signalProxy) : undefined;
    let ended: Promise<number> | undefined;
    const asked = {
      ...request,
      ...(terminal && { terminal: terminalSize() }),
      ...(values.flag('quiet') ? {} : pullReport(request.image)),
      ...(relay && { signal: relay.aborted }),
    };
    const beforeStart = async (container: ContainerName) => {
      started(container);
      const attached = await attach(container.id, { stdin: interactive });
      relayTo(attached, relay);
      ended = follow(attached, { interactive, signalProxy });
      ended.catch(() => {}); // told below
    };
    try {
      await runDetached(asked, { beforeStart });
      return (await ended) ?? ExitCode.ok;
    } catch (error) {
      // Our terminal is itself again before anything is said on it.
      await ended?.catch(() => {});
      if (!relay?.aborted.aborted || relay.exitCode === undefined) throw error;
      return relay.exitCode;
    } finally {
      relay?.close();
    }
  });
}

/** From here on signals are the container's; when they do not end it, it is killed. */
function relayTo(attached: Attached, relay: SignalRelay | undefined): void {
  const kill = (signal: number) => {
    // It has ended meanwhile: then this ends too.
    killContainer(attached.id, { signal: String(signal) }).catch(() => {});
  };
  relay?.connect({ kill }, () => attached.hangUp());
  relay?.aborted.addEventListener('abort', () => kill(constants.signals.SIGKILL), { once: true });
}

function parseStream(text: string): Stream {
  const stream = text.toLowerCase();
  if (stream === 'stdin' || stream === 'stdout' || stream === 'stderr') return stream;
  throw new UsageError(
    `invalid argument "${text}" for "-a, --attach": valid streams are STDIN, STDOUT and STDERR`,
  );
}

/** The file must not be there before, and goes when no container comes of it. */
async function withIdFile<T>(
  file: string | undefined,
  body: (started: (container: { readonly id: string }) => void) => Promise<T>,
): Promise<T> {
  if (file === undefined) return body(() => {});
  if (existsSync(file)) {
    throw new UsageError(
      `container ID file found, make sure the other container isn't running or delete ${file}`,
    );
  }
  writeFileSync(file, '', { flag: 'wx' });
  let isWritten = false;
  try {
    return await body(({ id }) => {
      writeFileSync(file, id);
      isWritten = true;
    });
  } finally {
    if (!isWritten) rmSync(file, { force: true });
  }
}
