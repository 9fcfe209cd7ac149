import { DEFAULT_CAPABILITIES } from './capabilities.ts';
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from './masks.ts';
import { defaultSeccomp } from './seccomp-default.ts';
import type { Capabilities, Linux, Namespace, Resources, SpecMount } from './spec.ts';

/** Docker's mounts of a container, in order. `shmSize` in bytes. */
export function defaultMounts({
  shmSize = 64 * 1024 * 1024,
}: {
  readonly shmSize?: number;
} = {}): SpecMount[] {
  const mount = (type: string, destination: string, options: string) => ({
    destination,
    type,
    source: type,
    options: options.split(','),
  });
  return [
    mount('proc', '/proc', 'nosuid,noexec,nodev'),
    mount('tmpfs', '/dev', 'nosuid,strictatime,mode=755,size=65536k'),
    mount('devpts', '/dev/pts', 'nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5'),
    mount('sysfs', '/sys', 'nosuid,noexec,nodev,ro'),
    mount('cgroup', '/sys/fs/cgroup', 'ro,nosuid,noexec,nodev'),
    mount('mqueue', '/dev/mqueue', 'nosuid,noexec,nodev'),
    mount('tmpfs', '/dev/shm', `nosuid,noexec,nodev,mode=1777,size=${shmSize}`),
  ];
}

/**
 * Docker's rules for devices: any node can be made, and these be opened. With them in the spec, and version 1 control
 * groups, a container can use nodes that it makes itself (as debootstrap does); without them its mounts are `nodev`.
 */
export const DEFAULT_DEVICE_RULES: NonNullable<Resources['devices']> = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...(
    [
      [1, 3],
      [1, 5],
      [1, 7],
      [1, 8],
      [1, 9],
      [5, 0],
      [5, 1],
      [5, 2],
      [136, undefined],
    ] as const
  ).map(([major, minor]) => ({
    allow: true,
    type: 'c',
    major,
    access: 'rwm',
    ...(minor === undefined ? {} : { minor }),
  })),
];

/** All namespaces new. */
export const DEFAULT_NAMESPACES: readonly Namespace[] = (
  ['mount', 'pid', 'uts', 'ipc', 'network', 'cgroup'] as const
).map((type) => ({ type }));

/** These for root; another user has them in its bounding set alone, so that only a setuid program gains them. */
export function capabilitySets(capabilities: readonly string[], uid: number): Capabilities {
  const own = uid === 0 ? capabilities : [];
  return { bounding: capabilities, permitted: own, effective: own, inheritable: [], ambient: [] };
}

/** What confines an ordinary container, beside its namespaces. */
export function defaultConfinement(
  capabilities: readonly string[] = DEFAULT_CAPABILITIES,
): Pick<Linux, 'seccomp' | 'maskedPaths' | 'readonlyPaths'> {
  return {
    seccomp: defaultSeccomp(capabilities),
    maskedPaths: DEFAULT_MASKED_PATHS,
    readonlyPaths: DEFAULT_READONLY_PATHS,
  };
}
