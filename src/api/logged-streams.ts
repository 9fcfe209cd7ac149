import { PassThrough, type Readable } from 'node:stream';
import type { Store } from '../../layers/index.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { LogFile, logBounds, logPath, type OutputName } from '../runtime/logs/log-file.ts';
import type { RunningProcess, Stdio } from '../sandbox/sandbox.ts';

/** What a container puts out, as its reader gets it: it is in the log by then. */
export interface LoggedStreams {
  readonly stdout?: Readable;
  readonly stderr?: Readable;
}

/** Streams that are read here, so that they can be kept: pipes in the place of descriptors that are handed on. */
export function throughPipes(stdio: Stdio): Stdio {
  if (stdio.kind !== 'fds') return stdio;
  const piped = (choice: number | 'null' | 'pipe') => (choice === 'null' ? choice : 'pipe');
  const { kind, stdin, stdout, stderr } = stdio;
  return { kind, stdin, stdout: piped(stdout), stderr: piped(stderr) };
}

/** Keeps the output of a container that stays when it has ended. A terminal's is its user's alone, and not kept. */
export function logStreams(store: Store, id: string, { stdout, stderr }: RunningProcess): LoggedStreams {
  const containers = new ContainerStore(store);
  const bounds = logBounds(containers.get(id)?.options.log);
  if (bounds === undefined || (stdout === undefined && stderr === undefined))
    return { ...(stdout && { stdout }), ...(stderr && { stderr }) };
  const log = new LogFile(logPath(containers.directoryOf(id), id), bounds);
  let open = [stdout, stderr].filter((stream) => stream !== undefined).length;
  const ended = (name: OutputName) => {
    log.end(name);
    if (--open === 0) log.close();
  };
  return {
    ...(stdout && {
      stdout: tee(
        stdout,
        (chunk) => log.write('stdout', chunk),
        () => ended('stdout'),
      ),
    }),
    ...(stderr && {
      stderr: tee(
        stderr,
        (chunk) => log.write('stderr', chunk),
        () => ended('stderr'),
      ),
    }),
  };
}

/** Whoever does not read on makes the container wait; whoever destroys it makes the container's next write fail. */
function tee(from: Readable, keep: (chunk: Buffer) => void, ended: () => void): Readable {
  const to = new PassThrough();
  from.on('data', (chunk: Buffer) => {
    keep(chunk);
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  to.on('close', () => from.destroy());
  from.once('close', () => {
    ended();
    to.end();
  });
  return to;
}
