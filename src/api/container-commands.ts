import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ContainerState, isInUse, isRunning, networkNames } from '../runtime/container-state.ts';
import { ContainerStore, type OwnedContainer } from '../runtime/container-store.ts';
import { exposedPorts, formatHostIp, type PortMap, portMap, portsText } from '../runtime/ports.ts';
import { awaitEnd, killProcess, type ProcessIdentity, signalProcess } from '../runtime/process-identity.ts';
import { signalNumber } from '../runtime/signals.ts';
import { wakeSupervisor } from '../runtime/supervisor/client.ts';
import { unpause } from './container-control.ts';
import { busy, ownSoon, startContainer } from './container-life.ts';
import { ApiError } from './errors.ts';
import { containerLabels, type InspectedContainer, inspectContainer } from './inspect-container.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export {
  type ContainerState,
  containerLabels,
  exposedPorts,
  formatHostIp,
  type InspectedContainer,
  networkNames,
  portsText,
};

/** Every container that runs, and with `all` also those that have ended; newest first. */
export function listContainers(
  request: StoreLocation & { readonly all?: boolean } = {},
): Promise<readonly ContainerState[]> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    return containers
      .list()
      .filter(
        (state) =>
          state.status !== 'creating' && (request.all || isRunning(state) || state.status === 'restarting'),
      )
      .sort((a, b) => b.created.localeCompare(a.created));
  });
}

/** Containers as `docker container inspect` shows them. Throws `NOT_FOUND` for the first name that nothing has. */
export function inspectContainers(
  names: readonly string[],
  location: StoreLocation = {},
): Promise<readonly InspectedContainer[]> {
  return withStore(location, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    return names.map((name) => {
      const state = containers.find(name);
      return inspectContainer(state, join(store.root, 'containers', state.id));
    });
  });
}

/** What is published of a running container, by the port inside: `{"80/tcp": [{HostIp, HostPort}]}`. */
export function containerPorts(name: string, location: StoreLocation = {}): Promise<PortMap> {
  return withStore(location, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    return portMap(containers.find(name));
  });
}

export interface StopRequest extends StoreLocation {
  /** Name or number; the container's own unless told. */
  readonly signal?: string;
  /** How long it may take until it is killed. Default: 10 s. */
  readonly timeoutMs?: number;
}

/** Asks a container to end, and kills it when it does not in time. Nothing when it has ended. */
export function stopContainer(name: string, request: StopRequest = {}): Promise<void> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const state = containers.find(name);
    const { options, config } = state;
    const signal = signalNumber(request.signal ?? options.stopSignal ?? config.StopSignal ?? 'SIGTERM');
    await endContainer(containers, state, {
      signal,
      timeoutMs: request.timeoutMs ?? stopTimeout(options.stopTimeoutSeconds),
    });
  });
}

/** Stops a container and starts it again, whether it ran or not. */
export async function restartContainer(name: string, request: StopRequest = {}): Promise<void> {
  const isSupervised = await withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    return restartInPlace(containers, containers.find(name), request);
  });
  if (!isSupervised) await stopAndStart(name, request);
}

/** By its supervisor, so that also one that would be removed at its end is there again. */
async function restartInPlace(
  containers: ContainerStore,
  { id, process: init, supervised, startedAt, options, config, status }: ContainerState,
  request: StopRequest,
): Promise<boolean> {
  if (!supervised || status !== 'running' || init === undefined) return false;
  const signal = signalNumber(request.signal ?? options.stopSignal ?? config.StopSignal ?? 'SIGTERM');
  const timeoutMs = request.timeoutMs ?? stopTimeout(options.stopTimeoutSeconds);
  await containers.update(id, { intent: 'restart' });
  signalProcess(init, signal);
  if (timeoutMs <= 0 || !(await awaitEnd(init, timeoutMs))) await endProcess(init);
  for (const end = performance.now() + KILL_TIMEOUT_MS; performance.now() < end; await delay(5)) {
    const now = containers.get(id);
    if (now?.startedAt !== startedAt && now?.status === 'running') containers.note(id, 'restart');
    if (now !== undefined && now.startedAt !== startedAt && now.status !== 'restarting') return true;
    if (now === undefined || !isInUse(now)) return false;
  }
  return false;
}

async function stopAndStart(name: string, request: StopRequest): Promise<void> {
  await stopContainer(name, request);
  const { storeRoot } = request;
  await startContainer(name, { ...(storeRoot !== undefined && { storeRoot }) });
}

const stopTimeout = (seconds = 10) => (seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000);

/** When it is over, its owner has recorded how. */
async function endContainer(
  containers: ContainerStore,
  state: ContainerState,
  { signal, timeoutMs }: { readonly signal: number; readonly timeoutMs: number },
): Promise<void> {
  const { id, owner, status } = state;
  if (status === 'created' || status === 'exited') return;
  // First, so that whoever looks after it does not start it again.
  await containers.updateIfWritable(id, { intent: 'stop' });
  if (status === 'paused') await unpause(containers, state);
  const owned = await ownEnded(containers, state, async (init) => {
    signalProcess(init, signal);
    containers.note(id, 'kill', { signal: String(signal) });
    if (timeoutMs <= 0 || !(await awaitEnd(init, timeoutMs))) await endProcess(init);
  });
  owned?.release();
  containers.note(id, 'stop');
  if (owned === undefined && owner !== undefined && containers.get(id) !== undefined) killProcess(owner);
}

/**
 * Ends its process, and one that was just being started again when it was told to stop: that one gets its signal and its
 * time, too. Resolves with the container when whoever looked after it has let go of it; undefined when that takes too
 * long, or it is gone with its end.
 */
async function ownEnded(
  containers: ContainerStore,
  { id, name, process: first, status }: ContainerState,
  end: (init: ProcessIdentity) => Promise<void>,
): Promise<OwnedContainer | undefined> {
  if (status === 'restarting') await wakeSupervisor(containers.directoryOf(id));
  let ended: number | undefined;
  let patience = performance.now() + KILL_TIMEOUT_MS;
  for (let init = first; ; init = containers.get(id)?.process) {
    if (init !== undefined && init.pid !== ended) {
      await end(init);
      ended = init.pid;
      patience = performance.now() + KILL_TIMEOUT_MS;
    }
    const owned = containers.tryOwn({ id, name });
    if (owned !== undefined || performance.now() > patience || containers.isGone(id)) return owned;
    await delay(5);
    if (containers.get(id)?.status === 'restarting') await wakeSupervisor(containers.directoryOf(id));
  }
}

/** Sends a signal to PID 1 of a container. Throws `CONFLICT` when it does not run. */
export function killContainer(
  name: string,
  request: StoreLocation & { readonly signal?: string } = {},
): Promise<void> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const state = containers.find(name);
    const { id, process: init, status } = state;
    const number = signalNumber(request.signal ?? 'SIGKILL');
    if (!isRunning({ status }) || init === undefined) {
      throw new ApiError('CONFLICT', name, `cannot kill container: ${name}: container ${id} is not running`);
    }
    // As for Docker: no policy starts what was killed.
    if (number === constants.signals.SIGKILL) await containers.updateIfWritable(id, { intent: 'stop' });
    signalProcess(init, number);
    if (number === constants.signals.SIGKILL && status === 'paused') await unpause(containers, state);
    containers.note(id, 'kill', { signal: String(number) });
  });
}

export interface RemoveContainerRequest extends StoreLocation {
  /** Ends it first when it runs. */
  readonly force?: boolean;
  /** Its anonymous volumes too. */
  readonly volumes?: boolean;
}

/** Removes a container. Throws `CONFLICT` for one that runs, unless forced. Resolves with its id. */
export function removeContainer(name: string, request: RemoveContainerRequest = {}): Promise<string> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const { id } = containers.find(name);
    for (const end = performance.now() + KILL_TIMEOUT_MS; !(await removeOnce(containers, id, request)); ) {
      // Somebody has started it since we looked.
      if (!request.force || performance.now() > end) throw busy(containers.find(id));
    }
    return id;
  });
}

/** Answers whether it is gone: only who has a container to himself may take away what it is made of. */
async function removeOnce(
  containers: ContainerStore,
  id: string,
  { force, volumes = false }: RemoveContainerRequest,
): Promise<boolean> {
  const state = containers.get(id);
  if (state === undefined) return true;
  if (isInUse(state)) {
    if (!force) throw stillRunning(state);
    await endContainer(containers, state, { signal: constants.signals.SIGKILL, timeoutMs: 0 });
  }
  const owned = await ownSoon(containers, state);
  if (owned === undefined && containers.isOwned(id)) return containers.get(id) === undefined;
  const last = containers.get(id);
  if (last !== undefined) containers.remove(last, { volumes });
  owned?.release();
  return true;
}

function stillRunning({ name }: ContainerState): ApiError {
  return new ApiError(
    'CONFLICT',
    name,
    `cannot remove container "${name}": container is running: stop the container before removing or force remove`,
  );
}

/** As long as Docker waits. */
const KILL_TIMEOUT_MS = 10_000;

async function endProcess(process: ProcessIdentity): Promise<void> {
  killProcess(process);
  if (await awaitEnd(process, KILL_TIMEOUT_MS)) return;
  throw new ApiError('CONFLICT', String(process.pid), `process ${process.pid} does not end`);
}
