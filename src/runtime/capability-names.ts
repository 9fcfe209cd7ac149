import { DEFAULT_CAPABILITIES } from './defaults.ts';

/** Every capability of capabilities(7), in the order of its number. */
export const ALL_CAPABILITIES: readonly string[] = [
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
].map((name) => `CAP_${name}`);

/** `--cap-add` and `--cap-drop` over Docker's default set; drops are applied to the default, adds win over drops of ALL. */
export function chooseCapabilities(request: {
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
}): readonly string[] {
  if (request.privileged) return ALL_CAPABILITIES;
  const add = request.add.map(normalise);
  const drop = request.drop.map(normalise);
  const base = add.includes('ALL') ? ALL_CAPABILITIES : drop.includes('ALL') ? [] : DEFAULT_CAPABILITIES;
  const kept = base.filter((name) => !drop.includes(name));
  const added = add.filter((name) => name !== 'ALL' && !kept.includes(name));
  return [...kept, ...added];
}

function normalise(name: string): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!ALL_CAPABILITIES.includes(full)) {
    throw new RangeError(`Unknown capability "${name}"`);
  }
  return full;
}
