import type { CapabilityMasks } from './plan.ts';
import { SandboxError } from './sandbox.ts';
import type { Capabilities } from './spec.ts';

/** capability.h, in the order of their numbers. */
const names = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
] as const;

export const ALL_CAPABILITIES: readonly string[] = names.map((name) => `CAP_${name}`);

/** What Docker gives a container unless told otherwise (00000000a80425fb). */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SYS_CHROOT',
  'CAP_MKNOD',
  'CAP_AUDIT_WRITE',
  'CAP_SETFCAP',
];

/** Bit of a capability by its name, with or without `CAP_`; undefined for an unknown one. */
export function capabilityNumber(name: string): number | undefined {
  const number = ALL_CAPABILITIES.indexOf(name.startsWith('CAP_') ? name : `CAP_${name}`);
  return number === -1 ? undefined : number;
}

export const CAP_SYS_ADMIN = 1n << 21n;
export const CAP_SYS_RESOURCE = 1n << 24n;

/**
 * Masks of the spec's sets. `available` are the ones this process holds: a set may name more (a privileged container
 * names all), and is given what there is. No sets at all means no capabilities.
 */
export function capabilityMasks(sets: Capabilities | undefined, available: bigint): CapabilityMasks {
  const masked = (which: keyof Capabilities) => mask(sets?.[which] ?? []) & available;
  return {
    bounding: masked('bounding'),
    effective: masked('effective'),
    permitted: masked('permitted'),
    inheritable: masked('inheritable'),
    ambient: masked('ambient'),
  };
}

function mask(set: readonly string[]): bigint {
  return set.reduce((bits, name) => {
    const number = capabilityNumber(name);
    if (number === undefined)
      throw new SandboxError(
        'BAD_SPEC',
        name,
        `Cannot give capability "${name}": there is none of that name`,
      );
    return bits | (1n << BigInt(number));
  }, 0n);
}
