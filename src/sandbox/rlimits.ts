import type { ProcessPlan } from './plan.ts';
import { SandboxError } from './sandbox.ts';
import type { Rlimit } from './spec.ts';

/** asm-generic/resource.h. */
const resources = [
  'CPU',
  'FSIZE',
  'DATA',
  'STACK',
  'CORE',
  'RSS',
  'NPROC',
  'NOFILE',
  'MEMLOCK',
  'AS',
  'LOCKS',
  'SIGPENDING',
  'MSGQUEUE',
  'NICE',
  'RTPRIO',
  'RTTIME',
];

const UNLIMITED = -1n;
/** RLIM_INFINITY does not fit a JSON number: whatever lies beyond is meant as it. */
const LARGEST = 2 ** 53;

export function planRlimits(rlimits: readonly Rlimit[]): ProcessPlan['rlimits'] {
  return rlimits.map(({ type, soft, hard }) => {
    const resource = resources.indexOf(type.replace(/^RLIMIT_/, ''));
    if (resource === -1)
      throw new SandboxError('BAD_SPEC', type, `Cannot set limit "${type}": there is none of that name`);
    return { name: type, resource, soft: limit(soft, type), hard: limit(hard, type) };
  });
}

function limit(value: number, type: string): bigint {
  if (value === -1 || value >= LARGEST) return UNLIMITED;
  if (Number.isInteger(value) && value >= 0) return BigInt(value);
  throw new SandboxError(
    'BAD_SPEC',
    type,
    `Cannot set limit "${type}" to ${value}: it must be a whole number`,
  );
}
