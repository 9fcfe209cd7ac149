import { DEFAULT_CAPABILITIES } from './capabilities.ts';
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from './masks.ts';
import { defaultSeccomp } from './seccomp-default.ts';
import type { Capabilities, Linux, Namespace, Resources, SpecMount } from './spec.ts';

/** Bytes of /dev/shm. */
export const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

export interface DefaultMountOptions {
  /** Bytes of /dev/shm. */
  readonly shmSize?: number;
  /** /sys and the control groups writable, as for `--privileged`. */
  readonly writableSys?: boolean;
  /** /dev/shm is the host's, as its IPC namespace is, or there is none of its own. */
  readonly shm?: 'own' | 'host' | 'none';
}

/** Docker's mounts of a container, in order (moby `oci/defaults.go`). */
export function defaultMounts({
  shmSize = DEFAULT_SHM_SIZE,
  writableSys = false,
  shm = 'own',
}: DefaultMountOptions = {}): SpecMount[] {
  const mount = (type: string, destination: string, options: string, source = type) => ({
    destination,
    type,
    source,
    options: options.split(','),
  });
  const access = writableSys ? 'rw' : 'ro';
  const shmMounts = {
    own: [mount('tmpfs', '/dev/shm', `nosuid,noexec,nodev,mode=1777,size=${shmSize}`, 'shm')],
    host: [mount('bind', '/dev/shm', 'rbind,nosuid,noexec,nodev', '/dev/shm')],
    none: [],
  };
  return [
    mount('proc', '/proc', 'nosuid,noexec,nodev'),
    mount('tmpfs', '/dev', 'nosuid,strictatime,mode=755,size=65536k'),
    mount('devpts', '/dev/pts', 'nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5'),
    mount('sysfs', '/sys', `nosuid,noexec,nodev,${access}`),
    mount('cgroup', '/sys/fs/cgroup', `${access},nosuid,noexec,nodev`),
    mount('mqueue', '/dev/mqueue', 'nosuid,noexec,nodev'),
    ...shmMounts[shm],
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

/** New namespaces of every kind but the user's, those shared with the host, and those of `paths`; the network as told. */
export function namespaces(
  network: { readonly host: boolean; readonly path?: string },
  shared: readonly Namespace['type'][] = [],
  paths: Readonly<Partial<Record<Namespace['type'], string>>> = {},
): readonly Namespace[] {
  const own = (['pid', 'mount', 'ipc', 'uts', 'cgroup'] as const)
    .filter((type) => !shared.includes(type))
    .map((type): Namespace => (paths[type] === undefined ? { type } : { type, path: paths[type] }));
  if (network.host) return own;
  return [...own, network.path === undefined ? { type: 'network' } : { type: 'network', path: network.path }];
}

/** All namespaces new. */
export const DEFAULT_NAMESPACES: readonly Namespace[] = namespaces({ host: false });

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
