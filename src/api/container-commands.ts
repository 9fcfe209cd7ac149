import { type ContainerState, ContainerStore, isInUse } from '../runtime/container-store.ts';
import { ApiError } from './errors.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export type { ContainerState };

/** Every container that runs, and with `all` also those that have ended; newest first. */
export function listContainers(
  request: StoreLocation & { readonly all?: boolean } = {},
): Promise<readonly ContainerState[]> {
  return withStore(request, (store) => {
    const containers = new ContainerStore(store);
    containers.reclaim();
    return containers
      .list()
      .filter(({ status }) => request.all || status === 'running')
      .sort((a, b) => b.created.localeCompare(a.created));
  });
}

/** Removes a container that has ended; with `force`, ends it first. Resolves with its id. */
export function removeContainer(
  name: string,
  request: StoreLocation & { readonly force?: boolean } = {},
): Promise<string> {
  return withStore(request, (store) => {
    const containers = new ContainerStore(store);
    containers.reclaim();
    const state = containers.find(name);
    if (isInUse(state)) {
      if (!request.force || state.pid === undefined) {
        throw new ApiError(
          'CONFLICT',
          name,
          `cannot remove container "/${state.name}": container is running: stop the container before removing or force remove`,
        );
      }
      process.kill(state.pid, 'SIGKILL');
    }
    containers.remove(state.id);
    return state.id;
  });
}
