import { type ContainerState, isInUse } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { awaitEnd, killProcess, type ProcessIdentity } from '../runtime/process-identity.ts';
import { ApiError } from './errors.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export type { ContainerState };

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
