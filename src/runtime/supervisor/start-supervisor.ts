import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Store } from '../../../layers/index.ts';
import { ContainerStore, type OwnedContainer } from '../container-store.ts';
import { RuntimeError } from '../errors.ts';
import { failureOf, type Report } from './messages.ts';

let bundle: string | undefined;

/** Where main.ts is as a bundle, when that is not beside this program's own. */
export function useSupervisorBundle(path: string): void {
  bundle = path;
}

export interface SupervisorOptions {
  /** Called before the container starts, when one can attach; it starts when that is done and somebody is attached. */
  readonly beforeStart?: () => Promise<void>;
}

/** What keeps a Node that mostly waits small (docs/benchmarks.md, "supervisor"). */
const NODE_OPTIONS = ['--max-old-space-size=64', '--max-semi-space-size=1', '--single-threaded'];

/**
 * Starts the process that looks after a container from now on, in a session of its own and without our streams.
 * Resolves when the container runs; rejects with why it does not. Either way the container is no more ours.
 */
export async function startSupervisor(
  store: Store,
  owned: OwnedContainer,
  { beforeStart }: SupervisorOptions = {},
): Promise<void> {
  const errors = openSync(`${new ContainerStore(store).directoryOf(owned.id)}/supervisor.log`, 'a', 0o600);
  const path = bundle ?? fileURLToPath(new URL('./supervisor.cjs', import.meta.url));
  const mode = beforeStart === undefined ? [] : ['await'];
  const child = spawn(process.execPath, [...NODE_OPTIONS, '--', path, store.root, owned.id, ...mode], {
    cwd: '/',
    detached: true,
    env: environment(),
    stdio: ['ignore', 'ignore', errors, 'pipe', owned.fd],
  });
  closeSync(errors);
  child.unref();
  const reports = readReports(child.stdio[3] as Readable);
  try {
    for await (const report of reports) {
      if (report.kind === 'failed') throw failureOf(report);
      if (report.kind === 'started') return;
      await beforeStart?.();
    }
    // Without a word: its messages are in supervisor.log.
    throw new RuntimeError(
      'CONFLICT',
      owned.id,
      `Cannot start container ${owned.name}: its supervisor has ended`,
    );
  } finally {
    owned.release();
    (child.stdio[3] as Readable).destroy();
  }
}

/** Of ours only what concerns this program. */
function environment(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) =>
    /^(PATH|HOME|TZ|LD_LIBRARY_PATH|TMPDIR|XDG_.*|TSBUILD_.*)$/.test(name),
  );
  return { ...Object.fromEntries(names.map((name) => [name, process.env[name]])), UV_THREADPOOL_SIZE: '1' };
}

async function* readReports(stream: Readable): AsyncGenerator<Report> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    const lines = text.split('\n');
    text = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as Report;
  }
}
