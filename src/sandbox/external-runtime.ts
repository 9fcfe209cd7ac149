import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OverlayRoot } from '../../layers/index.ts';
import {
  CLONE_NEWNS,
  CLOSE_RANGE_CLOEXEC,
  MNT_DETACH,
  MS_PRIVATE,
  MS_REC,
  O_DIRECTORY,
  O_PATH,
  PR_SET_PDEATHSIG,
  SIGTERM,
  TIOCSCTTY,
  TIOCSWINSZ,
} from '../linux/constants.ts';
import { failedWith } from '../linux/errno.ts';
import { libc } from '../linux/libc.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { cgroupHost } from './cgroup-host.ts';
import { expectGroup } from './cgroup-removal.ts';
import { groupName } from './cgroups.ts';
import { mountOverlay } from './overlay.ts';
import { hostTerminal } from './pty.ts';
import { type ExitStatus, type LaunchOptions, type RunningProcess, SandboxError } from './sandbox.ts';
import type { Spec } from './spec.ts';
import { bundleConfig } from './spec-json.ts';
import { takeStreams } from './standard-streams.ts';
import { wireStreams } from './streams.ts';
import { windowSize } from './terminal.ts';
import { vforkStarter } from './vfork.ts';
import { type Child, decodeStatus, watchChild } from './wait.ts';

export interface ExternalLaunch extends Pick<LaunchOptions, 'stdio' | 'files'> {
  /** `runc`, `crun`, or a path: any that has the command line of runc. */
  readonly runtime: string;
  /** Of the container, for the runtime. */
  readonly id: string;
  /** To be made, and gone at the end: the bundle, and the runtime's own state. */
  readonly directory: string;
  readonly overlay: OverlayRoot;
}

/**
 * Has another OCI runtime run the container that `spec` describes, from a bundle: config.json, and a root that is
 * mounted in a mount namespace of the runtime's own, so that it is gone with it. Rejects as `launch` does.
 */
export async function launchExternal(spec: Spec, options: ExternalLaunch): Promise<RunningProcess> {
  const sys = libc();
  const program = findRuntime(options.runtime);
  const { cgroupsPath } = spec.linux;
  const group = cgroupsPath === undefined ? undefined : groupName(cgroupsPath);
  const bundle = makeBundle(spec, options);
  const wiring = wireStreams(options.stdio, sys);
  const terminal = options.stdio.kind === 'terminal' ? hostTerminal(options.stdio, sys) : undefined;
  const streams = wiring.child ?? [terminal!.slave, terminal!.slave, terminal!.slave];
  const endGroup = group === undefined ? undefined : expectGroup(group);
  const remove = async () => {
    rmSync(options.directory, { recursive: true, force: true });
    await endGroup?.();
  };
  let child: Child;
  try {
    child = startRuntime(program, bundle, { ...options, streams, isTerminal: terminal !== undefined }, sys);
  } catch (error) {
    wiring.abandon();
    await remove();
    throw error;
  } finally {
    wiring.closeChildEnds();
    if (terminal !== undefined) sys.close(terminal.slave);
  }
  const { drained, ...open } = await wiring.open(terminal?.master);
  let pid: number;
  try {
    pid = await startedPid(child, bundle);
  } catch (error) {
    await remove();
    throw error;
  }
  const init = openIfThere(pid, sys);
  let isOver = init === undefined;
  const status = child.ended.then(async (code): Promise<ExitStatus> => {
    isOver = true;
    if (init !== undefined) sys.close(init);
    await drained;
    await remove();
    return { ...decodeStatus(code), oomKilled: false };
  });
  status.catch(() => {}); // told to whoever waits
  return {
    pid,
    ...open,
    stubs: [],
    kill: (signal) => {
      if (init !== undefined && !isOver) sendIfThere(init, signal, sys);
    },
    resize: (rows, columns) => {
      if (terminal !== undefined && !isOver)
        sys.ioctl(terminal.master, TIOCSWINSZ, windowSize(rows, columns));
    },
    ended: child.ended,
    wait: () => status,
  };
}

/** It may have ended already. */
function openIfThere(pid: number, sys: Syscalls): number | undefined {
  try {
    return sys.pidfdOpen(pid);
  } catch (error) {
    if (failedWith(error, 'ESRCH')) return undefined;
    throw error;
  }
}

function sendIfThere(pidfd: number, signal: number, sys: Syscalls): void {
  try {
    sys.pidfdSendSignal(pidfd, signal);
  } catch (error) {
    if (!failedWith(error, 'ESRCH')) throw error;
  }
}

/** As a shell finds it. Docker's words for one that is not there. */
function findRuntime(name: string): string {
  const candidates = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '')
        .split(':')
        .filter(Boolean)
        .map((directory) => join(directory, name));
  const found = candidates.find(isProgram);
  if (found !== undefined) return found;
  throw new SandboxError('REFUSED', name, `unknown or invalid runtime name: ${name}`);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Bundle {
  readonly path: string;
  readonly pidFile: string;
  readonly log: string;
  readonly state: string;
}

/** runtime-spec bundle.md. The files of the container's own are bound into it. */
function makeBundle(spec: Spec, { directory, files = [] }: ExternalLaunch): Bundle {
  const path = join(directory, 'bundle');
  // What there was when everything was killed.
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(path, 'rootfs'), { recursive: true, mode: 0o711 });
  mkdirSync(join(path, 'files'), { mode: 0o700 });
  const mounts = files.map((file, index) => {
    const source = join(path, 'files', String(index));
    writeFileSync(source, file.content, { mode: file.mode });
    const access = file.readonly ? 'ro' : 'rw';
    return { destination: file.path, type: 'bind', source, options: ['bind', access, 'nosuid', 'nodev'] };
  });
  const whole = { ...spec, root: { ...spec.root, path: 'rootfs' }, mounts: [...spec.mounts, ...mounts] };
  writeFileSync(join(path, 'config.json'), bundleConfig(whole, process.pid));
  return {
    path,
    pidFile: join(directory, 'pid'),
    log: join(directory, 'log'),
    state: join(directory, 'state'),
  };
}

interface RuntimeStart {
  readonly id: string;
  readonly overlay: OverlayRoot;
  readonly streams: readonly number[];
  readonly isTerminal: boolean;
}

/** The runtime in a mount namespace in which the root is mounted; it ends, and the container with it, when we do. */
function startRuntime(program: string, bundle: Bundle, start: RuntimeStart, sys: Syscalls): Child {
  const { path, pidFile, log, state } = bundle;
  const args = [
    program,
    '--root',
    state,
    '--log',
    log,
    'run',
    '--bundle',
    path,
    '--pid-file',
    pidFile,
    start.id,
  ];
  const root = join(path, 'rootfs');
  // crun refuses systems that have version 2 beside version 1. Groups are of version 1 there, so no runtime needs to see it.
  const host = cgroupHost();
  const unified = host.version === 1 ? host.unified : undefined;
  const { pid, failure } = vforkStarter().start({
    flags: 0,
    mostArgs: args.length,
    env: [`PATH=${process.env.PATH ?? ''}`],
    setUp: () => {
      sys.prctl(PR_SET_PDEATHSIG, SIGTERM);
      sys.resetSignals();
      sys.setsid();
      takeStreams(start.streams, sys);
      if (start.isTerminal) sys.ioctl(0, TIOCSCTTY, 0);
      sys.unshare(CLONE_NEWNS);
      sys.mount(null, '/', null, MS_REC | MS_PRIVATE, null);
      if (unified !== undefined) sys.umount2(unified, MNT_DETACH);
      mountOverlay(start.overlay, root, sys.open(root, O_PATH | O_DIRECTORY), sys);
      sys.closeRange(3, CLOSE_RANGE_CLOEXEC);
      return { path: program, args };
    },
  });
  const child = watchChild(pid, sys);
  if (failure === undefined) return child;
  throw failure instanceof SandboxError
    ? failure
    : new SandboxError('SYSTEM', program, `Cannot start ${program}: ${String((failure as Error).message)}`);
}

/** PID 1 as the host sees it, once the runtime has started it. */
async function startedPid(child: Child, { pidFile, log }: Bundle): Promise<number> {
  let status: number | undefined;
  child.ended.then(
    (ended) => {
      status = ended;
    },
    () => {},
  );
  for (;;) {
    const over = status !== undefined;
    const pid = Number(readIfThere(pidFile));
    if (pid > 0) return pid;
    if (over) throw startFailure(readIfThere(log));
    await delay(2);
  }
}

/** The last error that the runtime has logged, as text or JSON. */
function startFailure(log: string): SandboxError {
  const messages = [...log.matchAll(/msg="((?:[^"\\]|\\.)*)"/g)].map((match) =>
    match[1]!.replaceAll('\\"', '"'),
  );
  const message =
    messages.at(-1) ?? (log.trim().split('\n').at(-1) || 'the runtime has ended without a word');
  const isMissing = /executable file.*not found|no such file or directory/i.test(message);
  const isDenied = /permission denied|is a directory/i.test(message);
  const code = isMissing ? 'NOT_FOUND' : isDenied ? 'NOT_EXECUTABLE' : 'SYSTEM';
  return new SandboxError(code, 'runtime', `OCI runtime create failed: ${message}`);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
