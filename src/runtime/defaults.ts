import type { Capabilities, Namespace, SpecMount } from '../sandbox/spec.ts';

/** What a container gets unless told otherwise: the values of Docker Engine (moby `oci/defaults.go`, `oci/caps`). */

/** PATH of a container whose image sets none. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Bytes. */
export const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

export const MASKED_PATHS: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];

export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** The capability sets of a process: root has them all; another user has them only as a bound for setuid programs. */
export function capabilitySets(names: readonly string[], uid: number): Capabilities {
  const held = uid === 0 ? names : [];
  return { bounding: names, effective: held, permitted: held, inheritable: [], ambient: [] };
}

export interface DefaultMountOptions {
  /** Bytes of /dev/shm. */
  readonly shmSize: number;
  /** /sys and the cgroup file system writable, as for `--privileged`. */
  readonly writableSys: boolean;
  /** /dev/shm is the host's, as its IPC namespace is. */
  readonly hostIpc?: boolean;
}

export function defaultMounts({ shmSize, writableSys, hostIpc }: DefaultMountOptions): readonly SpecMount[] {
  const access = writableSys ? 'rw' : 'ro';
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', access] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [access, 'nosuid', 'noexec', 'nodev'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    hostIpc ? HOST_SHM : ownShm(shmSize),
  ];
}

function ownShm(size: number): SpecMount {
  return {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${size}`],
  };
}

const HOST_SHM: SpecMount = {
  destination: '/dev/shm',
  type: 'bind',
  source: '/dev/shm',
  options: ['rbind', 'nosuid', 'noexec', 'nodev'],
};

/** New namespaces of every kind but the user's and those shared with the host; the network as told. */
export function namespaces(
  network: { readonly host: boolean; readonly path?: string },
  shared: readonly Namespace['type'][] = [],
): readonly Namespace[] {
  const own = (['pid', 'mount', 'ipc', 'uts', 'cgroup'] as const)
    .filter((type) => !shared.includes(type))
    .map((type): Namespace => ({ type }));
  if (network.host) return own;
  return [...own, network.path === undefined ? { type: 'network' } : { type: 'network', path: network.path }];
}
