import { posix } from 'node:path';
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWUTS,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from '../linux/constants.ts';
import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE, capabilityMasks } from './capabilities.ts';
import { DEFAULT_DEVICES, planDevice } from './devices.ts';
import { parseMountOptions } from './mount-options.ts';
import { planNamespaces } from './namespaces.ts';
import type {
  CgroupHierarchy,
  FilePlan,
  FsParameter,
  MountPlan,
  NamespacePlan,
  ProcessPlan,
  RootPlan,
  StartPlan,
} from './plan.ts';
import { planRlimits } from './rlimits.ts';
import { type LaunchOptions, SandboxError, type SharedMount, type TreeMount } from './sandbox.ts';
import { compileSeccomp } from './seccomp.ts';
import type { Device, Resources, Spec, SpecMount } from './spec.ts';

/** What a plan depends on besides the spec. */
export interface HostFacts {
  /** Capabilities of this process. */
  readonly capabilities: bigint;
  /** Version 1 hierarchies, or version 2. */
  readonly cgroups:
    | { readonly version: 2 }
    | { readonly version: 1; readonly hierarchies: readonly CgroupHierarchy[] };
  /** To be joined, when there is a control group of the container's own. */
  readonly cgroupFiles: readonly string[];
  /** A control group decides which devices can be opened. */
  readonly devicesGuarded: boolean;
}

/** Compiles `spec`, all of it checked: what cannot be done is refused here, before anything exists. */
export function planStart(spec: Spec, options: LaunchOptions, facts: HostFacts): StartPlan {
  const namespaces = planNamespaces(spec.linux.namespaces);
  const { hostname, domainname } = spec;
  if ((hostname !== undefined || domainname !== undefined) && !isOwn(namespaces, CLONE_NEWUTS))
    throw new SandboxError(
      'BAD_SPEC',
      'hostname',
      'Cannot set a host name: the container shares that of the host',
    );
  const joinsMounts = (namespaces.unshare & CLONE_NEWNS) === 0;
  return {
    namespaces,
    cgroupFiles: facts.cgroupFiles,
    root: joinsMounts ? undefined : planRoot(spec, options, facts),
    ...(hostname === undefined ? {} : { hostname }),
    ...(domainname === undefined ? {} : { domainname }),
    sysctls: planSysctls(spec.linux.sysctl ?? {}, namespaces),
    process: planProcess(spec, facts.capabilities),
    ...(options.stdio.kind === 'terminal'
      ? { terminal: { rows: options.stdio.rows, columns: options.stdio.columns } }
      : {}),
    init: options.init === true,
    outlives: options.outlives === true,
    ownPipes: options.stdio.kind !== 'terminal',
  };
}

function planRoot(
  spec: Spec,
  { overlay, files = [], trees = [], shared = [] }: LaunchOptions,
  facts: HostFacts,
): RootPlan {
  const { devices = [], resources, maskedPaths = [], readonlyPaths = [] } = spec.linux;
  const allDevices = facts.devicesGuarded || allowsAllDevices(resources);
  return {
    source:
      overlay === undefined ? { kind: 'directory', path: spec.root.path } : { kind: 'overlay', overlay },
    readonly: spec.root.readonly === true || (overlay !== undefined && overlay.upper === undefined),
    mounts: inOrderOfDepth([
      ...spec.mounts.map((mount) => planMount(mount, allDevices, facts)),
      ...trees.map(planTree),
      ...shared.map(planShared),
    ]),
    files: files.map(planFile),
    devices: mergeDevices(devices).map(planDevice),
    allDevices,
    maskedPaths,
    readonlyPaths,
  };
}

/** Nothing is covered by a mount above it that comes later. */
function inOrderOfDepth(mounts: readonly MountPlan[]): MountPlan[] {
  const depth = ({ destination }: MountPlan) => destination.split('/').length;
  return [...mounts].sort((a, b) => depth(a) - depth(b));
}

function planTree({ destination, root, source, readonly = false }: TreeMount): MountPlan {
  const path = posix.resolve('/', destination);
  if (path === '/') throw badMount(destination, 'the root is not a mount point');
  const set =
    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (readonly || root.upper === undefined ? MOUNT_ATTR_RDONLY : 0);
  const make = { kind: 'tree', overlay: root, source: posix.resolve('/', source) } as const;
  return { destination: path, make, set, clear: 0, clearBelow: false };
}

function planShared({ path, namespace }: SharedMount): MountPlan {
  const set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const make = { kind: 'bind', source: path, recursive: false, namespace } as const;
  return { destination: path, make, set, clear: 0, clearBelow: false };
}

/** Of two for the same path the spec's own counts. */
function mergeDevices(devices: readonly Device[]): Device[] {
  return [...new Map([...DEFAULT_DEVICES, ...devices].map((device) => [device.path, device])).values()];
}

/** A privileged container's rule: every device, without a type. */
function allowsAllDevices(resources: Resources | undefined): boolean {
  const last = resources?.devices?.findLast(
    ({ type, major }) => (type ?? 'a') === 'a' && major === undefined,
  );
  return last?.allow === true && (last.access ?? 'rwm') === 'rwm';
}

/** Terminals are device nodes too, and devpts lets nobody make others. */
const holdsDevices = (type: string) => type === 'devpts';

function planMount(mount: SpecMount, allDevices: boolean, facts: HostFacts): MountPlan {
  const destination = posix.resolve('/', mount.destination);
  if (destination === '/') throw badMount(mount.destination, 'the root is not a mount point');
  const { set, clear, bind, recursiveAttributes, parameters } = parseMountOptions(
    mount.options ?? [],
    destination,
  );
  const type = mount.type ?? 'bind';
  const isBind = bind !== 'no' || type === 'bind';
  const contained = allDevices || (!isBind && holdsDevices(type)) ? 0 : MOUNT_ATTR_NODEV;
  const attributes = { set: set | contained, clear: clear & ~contained, clearBelow: recursiveAttributes };
  if (isBind) return { destination, make: planBind(mount, bind !== 'bind', parameters), ...attributes };
  const named: FsParameter[] = [['source', mount.source ?? type], ...parameters];
  if (type !== 'cgroup')
    return { destination, make: { kind: 'filesystem', type, parameters: named }, ...attributes };
  if (facts.cgroups.version === 2)
    return {
      destination,
      make: { kind: 'filesystem', type: 'cgroup2', parameters: named.slice(0, 1) },
      ...attributes,
    };
  const hierarchies = facts.cgroups.hierarchies.filter(({ path }) => joined(path, facts.cgroupFiles));
  return { destination, make: { kind: 'cgroup1', hierarchies }, ...attributes };
}

/** Version 1: a container sees the hierarchies in which it has a group of its own; the others would tell it nothing. */
const joined = (hierarchy: string, files: readonly string[]) =>
  files.some((file) => file.startsWith(`${hierarchy}/`));

function planBind(mount: SpecMount, recursive: boolean, parameters: readonly FsParameter[]) {
  const { source, destination } = mount;
  if (source === undefined || !source.startsWith('/'))
    throw badMount(destination, 'a bind mount needs an absolute source');
  if (parameters.length > 0) throw badMount(destination, `option "${parameters[0]!.join('=')}" is not known`);
  return { kind: 'bind', source, recursive } as const;
}

function planFile(file: NonNullable<LaunchOptions['files']>[number]): FilePlan {
  return {
    destination: posix.resolve('/', file.path),
    content: typeof file.content === 'string' ? Buffer.from(file.content) : file.content,
    mode: file.mode,
    uid: file.uid ?? 0,
    gid: file.gid ?? 0,
    readonly: file.readonly,
  };
}

function planProcess({ process: spec, linux }: Spec, available: bigint): ProcessPlan {
  const { user, args, env, cwd, oomScoreAdj } = spec;
  if (args.length === 0)
    throw new SandboxError('BAD_SPEC', 'args', 'Cannot start a container: no command is given');
  if (!cwd.startsWith('/'))
    throw new SandboxError('BAD_SPEC', cwd, `Cannot start in "${cwd}": a working directory is absolute`);
  const rlimits = planRlimits(spec.rlimits ?? []);
  const neededLast =
    (linux.seccomp === undefined ? 0n : CAP_SYS_ADMIN) | (rlimits.length === 0 ? 0n : CAP_SYS_RESOURCE);
  return {
    args,
    env: env.filter((entry) => entry.indexOf('=') > 0),
    cwd,
    uid: id(user.uid),
    gid: id(user.gid),
    additionalGids: (user.additionalGids ?? []).map(id),
    umask: user.umask ?? 0o022,
    rlimits,
    ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
    capabilities: capabilityMasks(spec.capabilities, available),
    keptCapabilities: neededLast & available,
    noNewPrivileges: spec.noNewPrivileges === true,
    ...(linux.seccomp === undefined ? {} : { seccomp: compileSeccomp(linux.seccomp) }),
  };
}

const LARGEST_ID = 4294967294;

function id(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= LARGEST_ID) return value;
  throw new SandboxError('BAD_SPEC', String(value), `Cannot use id ${value}: ids are 0 to ${LARGEST_ID}`);
}

/** New or another container's, but not the host's. */
function isOwn({ unshare, join }: NamespacePlan, flag: number): boolean {
  return (unshare & flag) !== 0 || join.some((namespace) => namespace.flag === flag);
}

/** Which settings belong to a namespace; any other would be the host's (runc checks the same). */
const ipcSettings =
  /^(fs\.mqueue\..+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced))$/;

function planSysctls(
  sysctl: Readonly<Record<string, string>>,
  namespaces: NamespacePlan,
): StartPlan['sysctls'] {
  const own = (flag: number) => isOwn(namespaces, flag);
  return Object.entries(sysctl).map(([given, value]) => {
    const name = given.replaceAll('/', '.');
    const allowed =
      (ipcSettings.test(name) && own(CLONE_NEWIPC)) ||
      (name.startsWith('net.') && own(CLONE_NEWNET)) ||
      (name === 'kernel.domainname' && own(CLONE_NEWUTS));
    if (allowed && !name.includes('..')) return [name.replaceAll('.', '/'), value];
    throw new SandboxError(
      'REFUSED',
      given,
      `Cannot set sysctl "${given}": it is not of a namespace of the container`,
    );
  });
}

function badMount(destination: string, reason: string): SandboxError {
  return new SandboxError('BAD_SPEC', destination, `Cannot mount at "${destination}": ${reason}`);
}
