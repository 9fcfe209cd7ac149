import { posix } from 'node:path';
import type { ContainerOptions, MountRequest } from './container-options.ts';
import type { ContainerState } from './container-state.ts';
import type { ContainerStore } from './container-store.ts';

/**
 * The mounts asked for, and before them the volumes and binds of the containers named by `--volumes-from`, except where
 * something else was asked for. Of two containers the later counts. Throws `NOT_FOUND`.
 */
export function withVolumesOf(
  containers: Pick<ContainerStore, 'find'>,
  { mounts = [], volumesFrom = [] }: ContainerOptions,
): readonly MountRequest[] {
  const targets = new Set(mounts.map(({ target }) => posix.resolve('/', target)));
  const inherited = new Map<string, MountRequest>();
  for (const { container, readonly } of volumesFrom) {
    for (const mount of volumesOf(containers.find(container), readonly))
      if (!targets.has(mount.target)) inherited.set(mount.target, mount);
  }
  return [...inherited.values(), ...mounts];
}

function volumesOf({ plannedMounts = [] }: ContainerState, readonly: boolean): MountRequest[] {
  return plannedMounts.flatMap((mount): MountRequest[] => {
    if (mount.type === 'tmpfs') return [];
    if (mount.type === 'bind') return [{ ...mount, readonly: mount.readonly || readonly }];
    return [{ ...mount, copy: false, readonly: mount.readonly || readonly }];
  });
}
