import { constants } from 'node:os';
import { directoryTree } from '../../layers/index.ts';
import { libc } from '../linux/libc.ts';
import { ALL_CAPABILITIES } from '../sandbox/capabilities.ts';
import { capabilitySets } from '../sandbox/defaults.ts';
import { launch } from '../sandbox/launch.ts';
import { type Membership, membershipOf } from '../sandbox/membership.ts';
import type { RunningProcess, Stdio } from '../sandbox/sandbox.ts';
import type { Spec } from '../sandbox/spec.ts';
import { containerSpec } from './container-spec.ts';
import { type ContainerState, isRunning } from './container-state.ts';
import { RuntimeError } from './errors.ts';
import { type ResolvedUser, resolveUser } from './passwd.ts';
import { awaitEnd, type ProcessIdentity, processIdentity } from './process-identity.ts';

/** A further process of a container that runs. What is not said is as for the container's own. */
export interface ExecOptions {
  /** Command line. */
  readonly args: readonly string[];
  /** `NAME=value`, on top of the container's; a bare `NAME` takes one away. */
  readonly env?: readonly string[];
  /** `name|uid[:group|gid]`, looked up in the container as it is now. */
  readonly user?: string;
  /** Absolute; it must exist. */
  readonly workdir?: string;
  /** Every capability. The container's filter and devices stay what they are. */
  readonly privileged?: boolean;
  readonly stdio: Stdio;
  /** It goes on when this process ends. */
  readonly outlives?: boolean;
  /** Aborted: it is killed. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a process in a container: in its namespaces and control groups, on its root, confined as its own is (`docker
 * exec`). Throws `CONFLICT` when it does not run, `SandboxError` when the process cannot be started. A process that its
 * command leaves in the background goes on, and is given two seconds to finish its output.
 */
export async function execInContainer(state: ContainerState, options: ExecOptions): Promise<RunningProcess> {
  const { stdio, outlives, signal } = options;
  const init = runningInit(state);
  const membership = await membershipIfRunning(state, init);
  try {
    const spec = execSpec(state, options, membership);
    stopUnless(isStill(init), state);
    signal?.throwIfAborted();
    const started = await launch(spec, {
      stdio,
      cgroupFiles: membership.cgroupFiles,
      ...(outlives && { outlives }),
    });
    if (signal !== undefined) killWith(signal, started);
    return started;
  } finally {
    membership.close();
  }
}

function runningInit(state: ContainerState): ProcessIdentity {
  const { process: init, name, status } = state;
  if (status === 'paused')
    throw new RuntimeError(
      'CONFLICT',
      name,
      `Container ${name} is paused, unpause the container before exec`,
    );
  stopUnless(isRunning(state), state);
  if (init === undefined || !isStill(init)) throw notRunning(state);
  return init;
}

/** How long one that is being killed may take to go. */
const LAST_MOMENTS_MS = 1000;

/** The process may end while it is looked at: then what cannot be opened is no failure of its own. */
async function membershipIfRunning(state: ContainerState, init: ProcessIdentity): Promise<Membership> {
  try {
    return membershipOf(init.pid, libc());
  } catch (error) {
    // Its namespaces are gone before it is.
    throw (await awaitEnd(init, LAST_MOMENTS_MS)) ? notRunning(state) : error;
  }
}

const isStill = ({ pid, started }: ProcessIdentity) => processIdentity(pid)?.started === started;

function stopUnless(isRunning: boolean, state: ContainerState): void {
  if (!isRunning) throw notRunning(state);
}

function notRunning({ id }: ContainerState): RuntimeError {
  return new RuntimeError('CONFLICT', id, `container ${id} is not running`);
}

/** The process part of the container's own spec with another command, and nothing to set up. */
function execSpec(state: ContainerState, options: ExecOptions, { namespaces }: Membership): Spec {
  const { id, config } = state;
  const { args, env = [], workdir, privileged, stdio } = options;
  const { terminal: _, ...own } = state.options;
  const user = userOf(state, options.user);
  const { process, ociVersion, linux } = containerSpec({
    id,
    config,
    options: {
      ...own,
      entrypoint: [],
      command: args,
      env: [...(own.env ?? []), ...env],
      ...(workdir !== undefined && { workdir }),
      ...(stdio.kind === 'terminal' && { terminal: stdio }),
    },
    user,
    network: { host: own.network === 'host' },
    mounts: [],
    devices: [],
  });
  return {
    ociVersion,
    process: { ...process, ...(privileged && { capabilities: capabilitySets(ALL_CAPABILITIES, user.uid) }) },
    root: { path: '/' },
    mounts: [],
    linux: { namespaces, ...(linux.seccomp && { seccomp: linux.seccomp }) },
  };
}

function userOf({ process, config, options }: ContainerState, user: string | undefined): ResolvedUser {
  const root = directoryTree(`/proc/${process!.pid}/root`);
  try {
    return resolveUser(root, user ?? options.user ?? config.User ?? '', options.groupAdd ?? []);
  } finally {
    root.close();
  }
}

function killWith(signal: AbortSignal, started: RunningProcess): void {
  const kill = () => started.kill(constants.signals.SIGKILL);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const forget = () => signal.removeEventListener('abort', kill);
  started.wait().then(forget, forget);
}
