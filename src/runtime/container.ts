import type { ContainerConfig, ImageConfig, Layer, Store } from '../../layers/index.ts';
import type { NetworkNamespace } from '../network/network.ts';
import type { ExitStatus, RunningProcess, StartMechanism, Stdio } from '../sandbox/sandbox.ts';
import { anonymousVolumes, type PlannedMount, planMounts, prepareMounts } from './container-mounts.ts';
import type { ContainerOptions } from './container-options.ts';
import { networkOf, startProcess } from './container-process.ts';
import { commandLine } from './container-spec.ts';
import type { ContainerState } from './container-state.ts';
import { ContainerStore, type NewContainer } from './container-store.ts';
import { RuntimeError } from './errors.ts';
import { NAME_PATTERN, newContainerId } from './names.ts';
import { processIdentity } from './process-identity.ts';
import { signalNumber } from './signals.ts';

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

export interface StartRequest {
  readonly image: ContainerImage;
  readonly options: ContainerOptions;
  readonly name?: string;
  /** Nothing of the container is left when it has ended. */
  readonly remove: boolean;
  readonly stdio: Stdio;
  readonly mechanism?: StartMechanism;
  readonly signal?: AbortSignal;
  /** Makes the (missing) directory a copy of what the image has at `path`; false when it has nothing there. */
  fillVolume(path: string, directory: string): Promise<boolean>;
}

export interface RunningContainer {
  readonly id: string;
  readonly name: string;
  readonly process: RunningProcess;
  /** When it has ended, its state is recorded or, with `remove`, nothing of it is left. */
  wait(): Promise<ExitStatus>;
}

/** Makes a container of an image and starts it; the container ends with this process. A failed start leaves nothing. */
export async function startContainer(store: Store, request: StartRequest): Promise<RunningContainer> {
  const planned = plannedMounts(request);
  const container = { ...describe(request), mounts: anonymousVolumes(planned) };
  const containers = new ContainerStore(store);
  const layers = await Promise.all(request.image.layers.map((layer) => layer.diff));
  const owned = await containers.create(
    container,
    layers.map(({ diffId }) => diffId),
  );
  const { id } = container;
  const discard = () => {
    containers.remove({ ...container, name: owned.name }, { volumes: true });
    owned.release();
  };
  let network: NetworkNamespace | undefined;
  try {
    network = networkOf(request.options);
    const { fillVolume } = request;
    const mounts = await prepareMounts(planned, { store, fillVolume });
    await containers.update(id, { mounts: mounts.map(({ state }) => state), ...networkState(network) });
    request.signal?.throwIfAborted();
    const started = await startProcess(store, containers, { id, request, network, mounts });
    await containers.update(id, { status: 'running', ...running(started.pid) });
    const ended = finish(started, async (change) => {
      network?.close();
      if (request.remove) return discard();
      await containers.update(id, change);
      owned.release();
    });
    ended.catch(() => {}); // told to whoever waits
    return { id, name: owned.name, process: started, wait: () => ended };
  } catch (error) {
    network?.close();
    discard();
    throw error;
  }
}

/** Everything about it that can be wrong and takes nothing to find out. */
function describe({ image, options, name, remove }: StartRequest): NewContainer {
  if (name !== undefined && !NAME_PATTERN.test(name)) {
    throw new RuntimeError(
      'BAD_OPTION',
      name,
      `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  }
  if (options.stopSignal !== undefined) signalNumber(options.stopSignal);
  if (options.hostname && options.hostNamespaces?.includes('uts'))
    throw new RuntimeError('BAD_OPTION', 'uts', 'conflicting options: hostname and the UTS mode');
  const config: ContainerConfig = image.config.config ?? {};
  return {
    id: newContainerId(),
    ...(name !== undefined && { name }),
    image: image.name,
    imageId: image.id,
    created: new Date().toISOString(),
    config,
    options,
    remove,
    args: commandLine(config, options),
    status: 'created',
  };
}

function running(pid: number): Partial<ContainerState> {
  const process = processIdentity(pid);
  return { startedAt: new Date().toISOString(), ...(process && { process }) };
}

function networkState(network: NetworkNamespace | undefined): Partial<ContainerState> {
  if (network === undefined) return {};
  const { addresses, gateway, macAddress } = network;
  return {
    network: { addresses, ...(gateway !== undefined && { gateway }), ...(macAddress && { macAddress }) },
  };
}

async function finish(
  started: RunningProcess,
  record: (change: Partial<ContainerState>) => Promise<void>,
): Promise<ExitStatus> {
  const status = await started.wait();
  await record({
    status: 'exited',
    exitCode: status.code,
    oomKilled: status.oomKilled,
    finishedAt: new Date().toISOString(),
  });
  return status;
}

function plannedMounts({ image, options }: StartRequest): readonly PlannedMount[] {
  return planMounts(Object.keys(image.config.config?.Volumes ?? {}), options.mounts ?? []);
}
