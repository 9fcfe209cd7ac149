import {
  CLOSE_RANGE_CLOEXEC,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  SIGKILL,
} from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import type { CapabilityMasks, ProcessPlan } from './plan.ts';

/** Becomes the container's user. What the last steps need is kept until `confine`. */
export function becomeUser(process: ProcessPlan, outlives: boolean, sys: Syscalls): void {
  const { uid, gid, additionalGids, capabilities } = process;
  dropBounding(capabilities.bounding, sys);
  sys.prctl(PR_SET_KEEPCAPS, 1);
  attempt(`${uid}:${gid}`, `become user ${uid}:${gid}`, () => {
    sys.setgroups(additionalGids);
    sys.setresgid(gid);
    sys.setresuid(uid);
  });
  sys.umask(process.umask);
  setCapabilities(capabilities, process.keptCapabilities, sys);
  setAmbient(capabilities.ambient, sys);
  // A change of credentials clears it, so it comes after all of them.
  if (!outlives) sys.prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/**
 * The last steps before exec: limits, which could starve anything done after them, then the filter, which forbids most
 * of what was done so far. Loading it takes no_new_privs or CAP_SYS_ADMIN, so the latter is dropped after it.
 */
export function confine(process: ProcessPlan, sys: Syscalls): void {
  const { capabilities, keptCapabilities: kept, seccomp, noNewPrivileges } = process;
  sys.closeRange(3, CLOSE_RANGE_CLOEXEC);
  for (const { name, resource, soft, hard } of process.rlimits)
    attempt(name, `set ${name} to ${shownLimit(soft)}:${shownLimit(hard)}`, () =>
      sys.setrlimit(resource, soft, hard),
    );
  if (noNewPrivileges) sys.prctl(PR_SET_NO_NEW_PRIVS, 1);
  if (noNewPrivileges && kept !== 0n) setCapabilities(capabilities, 0n, sys);
  if (seccomp !== undefined)
    attempt('seccomp', 'load the seccomp filter', () => sys.seccompSetFilter(seccomp.program, seccomp.flags));
  if (!noNewPrivileges && kept !== 0n)
    attempt('seccomp', 'drop capabilities behind the seccomp filter, which has to allow capset', () =>
      setCapabilities(capabilities, 0n, sys),
    );
}

const shownLimit = (value: bigint) => (value < 0n ? 'unlimited' : String(value));

function setCapabilities(masks: CapabilityMasks, kept: bigint, sys: Syscalls): void {
  sys.capset({
    effective: masks.effective | kept,
    permitted: masks.permitted | kept,
    inheritable: masks.inheritable,
  });
}

function dropBounding(keep: bigint, sys: Syscalls): void {
  for (let capability = 0; capability < 64; capability++) {
    if ((keep >> BigInt(capability)) & 1n) continue;
    if (!sys.dropBounding(capability)) return; // past the last one this kernel has
  }
}

function setAmbient(mask: bigint, sys: Syscalls): void {
  sys.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  for (let capability = 0; capability < 64; capability++)
    if ((mask >> BigInt(capability)) & 1n) sys.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
}
