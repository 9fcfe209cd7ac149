import { join } from 'node:path';
import { type ContainerState, isInUse } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { awaitEnd, killProcess, type ProcessIdentity, signalProcess } from '../runtime/process-identity.ts';
import { signalNumber } from '../runtime/signals.ts';
import { ApiError } from './errors.ts';
import { containerLabels, type InspectedContainer, inspectContainer } from './inspect-container.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export { type ContainerState, containerLabels, type InspectedContainer };

/** Every container that runs, and with `all` also those that have ended; newest first. */
export function listContainers(
  request: StoreLocation & { readonly all?: boolean } = {},
): Promise<readonly ContainerState[]> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    return containers
      .list()
      .filter(({ status }) => request.all || status === 'running')
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
    const { process: init, options, config } = containers.find(name);
    if (init === undefined) return;
    const { signal = options.stopSignal ?? config.StopSignal ?? 'SIGTERM', timeoutMs = 10_000 } = request;
    signalProcess(init, signalNumber(signal));
    if (timeoutMs > 0 && (await awaitEnd(init, timeoutMs))) return;
    await endProcess(init);
  });
}

/** Sends a signal to PID 1 of a container. Throws `CONFLICT` when it does not run. */
export function killContainer(
  name: string,
  request: StoreLocation & { readonly signal?: string } = {},
): Promise<void> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const { id, process: init, status } = containers.find(name);
    const number = signalNumber(request.signal ?? 'SIGKILL');
    if (status !== 'running' || init === undefined) {
      throw new ApiError('CONFLICT', name, `cannot kill container: ${name}: container ${id} is not running`);
    }
    signalProcess(init, number);
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
    const state = containers.find(name);
    if (isInUse(state)) {
      if (!request.force) {
        throw new ApiError(
          'CONFLICT',
          name,
          `cannot remove container "/${state.name}": container is running: stop the container before removing or force remove`,
        );
      }
      if (state.process !== undefined) await endProcess(state.process);
    }
    containers.remove(state, { volumes: request.volumes ?? false });
    return state.id;
  });
}

/** As long as Docker waits. */
const KILL_TIMEOUT_MS = 10_000;

async function endProcess(process: ProcessIdentity): Promise<void> {
  killProcess(process);
  if (await awaitEnd(process, KILL_TIMEOUT_MS)) return;
  throw new ApiError('CONFLICT', String(process.pid), `process ${process.pid} does not end`);
}
