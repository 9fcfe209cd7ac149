import { constants } from 'node:os';
import {
  type ContainerConfig,
  type DiffId,
  type ImageConfig,
  isoTime,
  type Layer,
  type Store,
} from '../../layers/index.ts';
import type { ExitStatus, RunningProcess, StartMechanism, Stdio } from '../sandbox/sandbox.ts';
import { anonymousVolumes, planMounts, prepareMounts } from './container-mounts.ts';
import { openContainerNetwork } from './container-network.ts';
import type { ContainerOptions } from './container-options.ts';
import { startProcess } from './container-process.ts';
import { commandLine } from './container-spec.ts';
import type { HealthState } from './container-state.ts';
import {
  type ContainerChange,
  ContainerStore,
  type NewContainer,
  type OwnedContainer,
} from './container-store.ts';
import { RuntimeError } from './errors.ts';
import { noteEvent } from './events.ts';
import { healthcheckOf } from './healthcheck.ts';
import { NAME_PATTERN, newContainerId } from './names.ts';
import { processIdentity } from './process-identity.ts';
import { signalNumber } from './signals.ts';
import { withVolumesOf } from './volumes-from.ts';

/** An image as a container needs it. */
export interface ContainerImage {
  /** As the user named it. */
  readonly name: string;
  /** Digest of its config. */
  readonly id: string;
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly layers: readonly Layer[];
}

export interface CreateRequest {
  readonly image: ContainerImage;
  readonly options: ContainerOptions;
  readonly name?: string;
  /** Nothing of the container is left when it has ended. */
  readonly remove: boolean;
  /** It is started next; killed before that, this process leaves nothing of it. */
  readonly startsAtOnce?: boolean;
  readonly signal?: AbortSignal;
  /** Makes the (missing) directory a copy of what the image has at `path`; false when it has nothing there. */
  fillVolume(path: string, directory: string): Promise<boolean>;
}

export interface StartRequest {
  readonly stdio: Stdio;
  /** Give it a control group of its own, by which it can be watched, frozen and limited while it runs. */
  readonly managed: boolean;
  readonly mechanism?: StartMechanism;
  readonly signal?: AbortSignal;
}

/** A container whose process runs. */
export interface RunningContainer {
  readonly id: string;
  readonly name: string;
  readonly process: RunningProcess;
  /** When its process has ended and its network is given back. What becomes of the container is the caller's to say. */
  wait(): Promise<ExitStatus>;
}

/**
 * Makes a container of an image: its record, and its volumes. This process looks after it until the answer is released.
 * A failure leaves nothing.
 */
export async function createContainer(store: Store, request: CreateRequest): Promise<OwnedContainer> {
  const { image, options, fillVolume } = request;
  const requested = withVolumesOf(new ContainerStore(store), options);
  const planned = planMounts(Object.keys(image.config.config?.Volumes ?? {}), requested);
  // With no mounts to make it is made as soon as it is recorded.
  const status = planned.length === 0 ? 'created' : 'creating';
  const container = {
    ...describe(request),
    status,
    plannedMounts: planned,
    mounts: anonymousVolumes(planned),
  } as const;
  const containers = new ContainerStore(store);
  const layers = await Promise.all(image.layers.map((layer) => layer.diff));
  const owned = await containers.create(
    container,
    layers.map(({ diffId }) => diffId),
  );
  try {
    const mounts = await prepareMounts(planned, { store, fillVolume });
    request.signal?.throwIfAborted();
    if (status === 'creating')
      await containers.update(owned.id, { status: 'created', mounts: mounts.map(({ state }) => state) });
    noteEvent(store.root, { ...container, name: owned.name }, 'create');
    return owned;
  } catch (error) {
    discardContainer(containers, owned);
    throw error;
  }
}

/** The container with all that it has, its anonymous volumes too. */
export function discardContainer(containers: ContainerStore, owned: OwnedContainer): void {
  const state = containers.get(owned.id);
  if (state !== undefined) containers.remove(state, { volumes: true });
  owned.release();
}

/** Starts a container that this process looks after, for the first time or again; it ends with this process. */
export async function startContainer(
  store: Store,
  { id, name }: OwnedContainer,
  request: StartRequest,
): Promise<RunningContainer> {
  const containers = new ContainerStore(store);
  const { state, layers: diffIds } = requireRecord(containers, id);
  const layers = layersOf(store, id, diffIds);
  const network = await openContainerNetwork(store, state);
  try {
    // Made and filled when the container was.
    const fillVolume = async () => false;
    const mounts = await prepareMounts(state.plannedMounts ?? [], { store, fillVolume });
    request.signal?.throwIfAborted();
    const started = await startProcess(containers, { state, layers, request, network, mounts, store });
    try {
      await containers.update(id, {
        ...running(started.pid),
        network: network.state,
        health: request.managed && healthcheckOf(state) ? STARTING : undefined,
        supervised: request.managed,
      });
    } catch (error) {
      // On a full disk. One that nobody could know of must not run.
      started.kill(constants.signals.SIGKILL);
      await started.wait();
      throw error;
    }
    noteEvent(store.root, state, 'start');
    const ended = started.wait().then((status) => {
      if (status.oomKilled) noteEvent(store.root, state, 'oom');
      noteEvent(store.root, state, 'die', { exitCode: String(status.code) });
      return status;
    });
    const released = ended.finally(() => network.close());
    released.catch(() => {}); // told to whoever waits
    return { id, name, process: started, wait: () => released };
  } catch (error) {
    network.close();
    throw error;
  }
}

const STARTING: HealthState = { status: 'starting', failingStreak: 0, log: [] };

/** What is recorded of a container whose process has ended. */
export function exited(status: Pick<ExitStatus, 'code' | 'oomKilled'>): ContainerChange {
  return {
    status: 'exited',
    exitCode: status.code,
    oomKilled: status.oomKilled,
    finishedAt: isoTime(),
    process: undefined,
    owner: undefined,
  };
}

/** Everything about it that can be wrong and takes nothing to find out. */
function describe({
  image,
  options,
  name,
  remove,
  startsAtOnce,
}: CreateRequest): Omit<NewContainer, 'status'> {
  if (name !== undefined) requireName(name);
  if (options.stopSignal !== undefined) signalNumber(options.stopSignal);
  if (options.hostname && options.hostNamespaces?.includes('uts'))
    throw new RuntimeError('BAD_OPTION', 'uts', 'conflicting options: hostname and the UTS mode');
  const config: ContainerConfig = image.config.config ?? {};
  return {
    id: newContainerId(),
    ...(name !== undefined && { name }),
    image: image.name,
    imageId: image.id,
    created: isoTime(),
    config,
    options,
    remove,
    ...(startsAtOnce && { startsAtOnce }),
    args: commandLine(config, options),
  };
}

export function requireName(name: string): void {
  if (NAME_PATTERN.test(name)) return;
  throw new RuntimeError(
    'BAD_OPTION',
    name,
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

function requireRecord(containers: ContainerStore, id: string) {
  const record = containers.read(id);
  if (record === undefined) throw new RuntimeError('NOT_FOUND', id, `No such container: ${id}`);
  return record;
}

function layersOf(store: Store, id: string, diffIds: readonly DiffId[]): readonly Layer[] {
  return diffIds.map((diffId) => {
    const layer = store.snapshots.layer(diffId);
    if (layer === undefined)
      throw new RuntimeError('NOT_FOUND', diffId, `Cannot start container ${id}: layer ${diffId} is gone`);
    return layer;
  });
}

function running(pid: number): ContainerChange {
  const now = isoTime();
  return {
    status: 'running',
    startedAt: now,
    process: processIdentity(pid),
    owner: processIdentity(process.pid),
    exitCode: undefined,
    oomKilled: undefined,
    error: undefined,
  };
}
