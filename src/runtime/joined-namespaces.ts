import { libc } from '../linux/libc.ts';
import type { SharedMount } from '../sandbox/sandbox.ts';
import type { ContainerOptions } from './container-options.ts';
import { type ContainerState, isRunning } from './container-state.ts';
import { RuntimeError } from './errors.ts';
import { processIdentity } from './process-identity.ts';

/** Namespaces of other containers, held by descriptor until closed. */
export interface JoinedNamespaces {
  readonly paths: { readonly pid?: string; readonly ipc?: string };
  /** /dev/shm of the container whose IPC namespace is joined. */
  readonly shared: readonly SharedMount[];
  close(): void;
}

/** `--pid container:NAME` and `--ipc container:NAME`. Throws `CONFLICT` when that container cannot be joined. */
export function openJoined(
  { joinNamespaces: { pid, ipc } = {} }: ContainerOptions,
  find: (name: string) => ContainerState,
): JoinedNamespaces {
  const sys = libc();
  const open: number[] = [];
  const close = () => {
    for (const fd of open.splice(0)) sys.close(fd);
  };
  const namespace = (state: ContainerState, type: 'pid' | 'ipc' | 'mnt') => {
    const fd = sys.open(`/proc/${state.process!.pid}/ns/${type}`, 0);
    open.push(fd);
    return `/proc/self/fd/${fd}`;
  };
  try {
    const ofPid = pid === undefined ? undefined : joinable(find(pid), 'PID');
    const ofIpc = ipc === undefined ? undefined : sharesIpc(joinable(find(ipc), 'IPC'));
    const joined = {
      paths: {
        ...(ofPid && { pid: namespace(ofPid, 'pid') }),
        ...(ofIpc && { ipc: namespace(ofIpc, 'ipc') }),
      },
      shared: ofIpc ? [{ path: '/dev/shm', namespace: namespace(ofIpc, 'mnt') }] : [],
      close,
    };
    // Numbers are used again: what was opened must be of the processes that were meant.
    for (const state of [ofPid, ofIpc]) if (state !== undefined) joinable(state, 'PID');
    return joined;
  } catch (error) {
    close();
    throw error;
  }
}

function joinable(state: ContainerState, what: string): ContainerState {
  const { process: init, id } = state;
  if (isRunning(state) && init !== undefined && processIdentity(init.pid)?.started === init.started)
    return state;
  throw new RuntimeError('CONFLICT', id, `cannot join ${what} of a non running container: ${id}`);
}

function sharesIpc(state: ContainerState): ContainerState {
  const { ipc, hostNamespaces } = state.options;
  if (ipc === 'shareable' || hostNamespaces?.includes('ipc')) return state;
  throw new RuntimeError(
    'CONFLICT',
    state.id,
    `can't join IPC of container ${state.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}
