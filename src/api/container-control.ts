import type { Store } from '../../layers/index.ts';
import { requireName } from '../runtime/container.ts';
import type { ContainerResources, RestartPolicy } from '../runtime/container-options.ts';
import { specResources } from '../runtime/container-spec.ts';
import { type ContainerState, isRunning } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { isAlive } from '../runtime/process-identity.ts';
import { type JoinedCgroup, joinedCgroup } from '../sandbox/joined-cgroup.ts';
import { ApiError } from './errors.ts';
import { checkUpdate } from './limits.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** Stops every process of a container where it is. */
export function pauseContainer(name: string, location: StoreLocation = {}): Promise<void> {
  return withContainer(name, location, async (containers, state) => {
    if (state.status === 'paused') throw conflict(name, `Container ${name} is already paused`);
    if (state.status !== 'running') throw notRunning(name);
    groupOf(state).freeze(true);
    if (!(await containers.updateSameRun(state, { status: 'paused' }))) throw notRunning(name);
    containers.note(state.id, 'pause');
  });
}

/** Lets a paused container go on. */
export function unpauseContainer(name: string, location: StoreLocation = {}): Promise<void> {
  return withContainer(name, location, async (containers, state) => {
    if (state.status !== 'paused') throw conflict(name, `Container ${name} is not paused`);
    await unpause(containers, state);
  });
}

export async function unpause(containers: ContainerStore, state: ContainerState): Promise<void> {
  groupOf(state).freeze(false);
  await containers.updateSameRun(state, { status: 'running' });
  containers.note(state.id, 'unpause');
}

/** Gives a container another name. Throws `CONFLICT` for one that is taken. */
export function renameContainer(name: string, to: string, location: StoreLocation = {}): Promise<void> {
  return withContainer(name, location, async (containers, { id }) => {
    requireName(to);
    await containers.rename(id, to);
  });
}

export interface UpdateRequest extends StoreLocation {
  readonly resources?: ContainerResources;
  readonly restart?: RestartPolicy;
}

/** Changes limits and restart policy of a container; at once when it runs. */
export function updateContainer(name: string, request: UpdateRequest): Promise<void> {
  return withContainer(name, request, async (containers, state) => {
    const { resources, restart } = request;
    const { id, options, remove } = state;
    if (restart !== undefined && restart.name !== 'no' && remove)
      throw conflict(
        name,
        'Restart policy cannot be updated because AutoRemove is enabled for the container',
      );
    if (resources !== undefined) checkUpdate({ id, current: options.resources ?? {} }, resources);
    if (resources !== undefined && isRunning(state)) groupOf(state).limit(specResources(resources) ?? {});
    const changed = { ...options, ...(resources && { resources: { ...options.resources, ...resources } }) };
    await containers.update(id, { options: { ...changed, ...(restart && { restart }) } });
    containers.note(id, 'update');
  });
}

/** The control group by which a running container can be watched and steered. Throws where it has none. */
export function groupOf(state: ContainerState): JoinedCgroup {
  const group = findGroup(state);
  if (group !== undefined) return group;
  if (state.process === undefined || !isAlive(state.process)) throw notRunning(state.name);
  throw new ApiError(
    'UNSUPPORTED',
    state.name,
    `container ${state.name} has no control group of its own: start it in the background (-d, or tsctr start)`,
  );
}

/** Undefined also when its process ends meanwhile. */
export function findGroup({ process: init, owner }: ContainerState): JoinedCgroup | undefined {
  if (init === undefined || owner === undefined) return undefined;
  try {
    const group = joinedCgroup(init.pid, owner.pid);
    // Asked last: then what was found is of these processes, and not of later ones of the same numbers.
    return isAlive(init) && isAlive(owner) ? group : undefined;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function withContainer<T>(
  name: string,
  location: StoreLocation,
  body: (containers: ContainerStore, state: ContainerState, store: Store) => Promise<T>,
): Promise<T> {
  return withStore(location, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    return body(containers, containers.find(name), store);
  });
}

const notRunning = (name: string) => conflict(name, `Container ${name} is not running`);

const conflict = (name: string, message: string) => new ApiError('CONFLICT', name, message);
