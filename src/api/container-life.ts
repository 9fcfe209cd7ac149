import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../../layers/index.ts';
import { createContainer as create, discardContainer } from '../runtime/container.ts';
import { type ContainerState, isInUse } from '../runtime/container-state.ts';
import { ContainerStore, type OwnedContainer } from '../runtime/container-store.ts';
import { lastExitCode } from '../runtime/events.ts';
import { logBounds } from '../runtime/logs/log-file.ts';
import { shouldRestart } from '../runtime/supervisor/restart-policy.ts';
import { type SupervisorOptions, startSupervisor } from '../runtime/supervisor/start-supervisor.ts';
import { ApiError } from './errors.ts';
import { fillVolume } from './fill-volume.ts';
import { resolveImage } from './images.ts';
import type { RunRequest } from './types.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** A container, as far as one needs to know it to go on with it. */
export interface ContainerName {
  readonly id: string;
  readonly name: string;
}

/** Makes a container of an image, which is pulled when it has to be, without starting it. */
export function createContainer(request: RunRequest): Promise<ContainerName> {
  return withStore(request, async (store) => {
    const { id, name, release } = await createOwned(store, request, { startsAtOnce: false });
    release();
    return { id, name };
  });
}

/**
 * Makes a container and starts it with a supervisor: it goes on without this process. One that cannot be started leaves
 * nothing.
 */
export function runDetached(request: RunRequest, options: DetachedOptions = {}): Promise<ContainerName> {
  return withStore(request, async (store) => {
    const owned = await createOwned(store, request, { startsAtOnce: true });
    const { id, name } = owned;
    try {
      await startSupervisor(store, owned, supervisorOptions(owned, options));
      return { id, name };
    } catch (error) {
      const containers = new ContainerStore(store);
      const again = await ownSoon(containers, { id, name });
      if (again !== undefined) discardContainer(containers, again);
      throw error;
    }
  });
}

export interface DetachedOptions {
  /** Called before the container starts, when one can attach to it; it starts when somebody has. */
  readonly beforeStart?: (container: ContainerName) => Promise<void>;
}

/** Starts a container that is there, with a supervisor. Nothing when it runs. Throws `NOT_FOUND`. */
export function startContainer(
  name: string,
  request: StoreLocation & DetachedOptions = {},
): Promise<ContainerName> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const state = containers.find(name);
    if (isInUse(state)) return requireStartable(state);
    const owned = await ownSoon(containers, state);
    if (owned === undefined) throw busy(state);
    await containers.update(state.id, { intent: undefined, restartCount: undefined });
    await startSupervisor(store, owned, supervisorOptions(owned, request));
    return { id: state.id, name: state.name };
  });
}

/** Those that are not running though their restart policy wants them to: after a restart of the machine. */
export function containersToStart(location: StoreLocation = {}): Promise<readonly ContainerName[]> {
  return withStore(location, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    return containers
      .list()
      .filter((state) => state.status === 'exited' && isWanted(state))
      .sort((a, b) => (a.created < b.created ? -1 : 1))
      .map(({ id, name }) => ({ id, name }));
  });
}

/** One that somebody has stopped stays so, but for `always`: as when Docker's daemon starts. */
function isWanted({ options: { restart }, intent, exitCode = 0, restartCount = 0 }: ContainerState): boolean {
  const stopped = intent === 'stop' && restart?.name !== 'always';
  return shouldRestart(restart, { exitCode, stopped, restarts: restartCount });
}

function requireStartable({ id, name, status }: ContainerState): ContainerName {
  if (status !== 'paused') return { id, name };
  throw new ApiError('CONFLICT', name, `cannot start a paused container, try unpause instead`);
}

function supervisorOptions(
  { id, name }: OwnedContainer,
  { beforeStart }: DetachedOptions,
): SupervisorOptions {
  return beforeStart === undefined ? {} : { beforeStart: () => beforeStart({ id, name }) };
}

async function createOwned(
  store: Store,
  request: RunRequest,
  { startsAtOnce }: { readonly startsAtOnce: boolean },
): Promise<OwnedContainer> {
  const {
    image: text,
    name,
    remove,
    pull,
    platform,
    signal,
    report,
    storeRoot,
    mechanism,
    ...options
  } = request;
  logBounds(options.log); // is wrong now, or never
  const image = await resolveImage(store, text, {
    pull: pull ?? 'missing',
    ...(platform && { platform }),
    ...(report && { report }),
    ...(signal && { signal }),
  });
  return create(store, {
    image,
    options,
    ...(name !== undefined && { name }),
    remove: remove ?? false,
    startsAtOnce,
    fillVolume: (path, directory) => fillVolume(store, image.layers, path, directory),
    ...(signal && { signal }),
  });
}

/** How long one who has ended may take to let go of a container. */
const PATIENCE_MS = 2000;

/** The container as ours, when whoever has it lets go of it soon; undefined when that takes too long, or it is gone. */
export async function ownSoon(
  containers: ContainerStore,
  container: Pick<ContainerState, 'id' | 'name'>,
  patience = PATIENCE_MS,
): Promise<OwnedContainer | undefined> {
  for (const end = performance.now() + patience; ; await delay(5)) {
    const owned = containers.tryOwn(container);
    if (owned !== undefined || performance.now() > end || containers.isGone(container.id)) return owned;
  }
}

/** One that another command has at this moment. */
export function busy({ id, name }: ContainerState): ApiError {
  return new ApiError('CONFLICT', name, `container ${id} is just being started or removed`);
}

/** Of one that was removed as it ended (`--rm`). */
const recordedExit = (root: string, id: string) => lastExitCode(root, id) ?? KILLED;
/** As a shell counts SIGKILL: whoever looked after it is gone without a word. */
const KILLED = 137;

/** Resolves with the exit code of the process that runs now, or has run, when that has ended. */
export function waitForContainer(
  name: string,
  request: StoreLocation & { readonly signal?: AbortSignal } = {},
): Promise<number> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const { id, startedAt } = containers.find(name);
    for (let interval = 5; ; interval = Math.min(interval * 2, 100)) {
      const now = containers.get(id);
      const isOver = now === undefined || now.startedAt !== startedAt || !isInUse(now);
      if (isOver) return now === undefined ? recordedExit(store.root, id) : (now.exitCode ?? 0);
      await delay(interval, undefined, request.signal ? { signal: request.signal } : {});
      await containers.reclaim();
    }
  });
}
