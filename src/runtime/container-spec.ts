import { hostname as hostnameOfHost } from 'node:os';
import { posix } from 'node:path';
import type { ContainerConfig } from '../../layers/index.ts';
import { capabilitySets, DEFAULT_SHM_SIZE, defaultMounts, namespaces } from '../sandbox/defaults.ts';
import type { Resources, Rlimit, Spec, SpecMount } from '../sandbox/spec.ts';
import { chooseCapabilities } from './choose-capabilities.ts';
import type { ContainerOptions, ContainerResources, DeviceRate, Ulimit } from './container-options.ts';
import { deviceRules } from './device-rules.ts';
import { changeEnvironment, environmentLines, imageEnvironment } from './environment.ts';
import { RuntimeError } from './errors.ts';
import { blockDevice, type GrantedDevice } from './host-devices.ts';
import type { ResolvedUser } from './passwd.ts';
import { forbidsNewPrivileges, guardedPaths, seccompFor } from './security-options.ts';

export interface ContainerSpecInput {
  /** 64 hex digits. */
  readonly id: string;
  readonly config: ContainerConfig;
  readonly options: ContainerOptions;
  readonly user: ResolvedUser;
  /** `hostname`: of the container whose network it shares. */
  readonly network: { readonly host: boolean; readonly path?: string; readonly hostname?: string };
  /** Binds, volumes and tmpfs as asked for, made ready by the caller. */
  readonly mounts: readonly SpecMount[];
  /** Besides those that every container has. */
  readonly devices: readonly GrantedDevice[];
  /** Of other containers, to be joined. */
  readonly joined?: { readonly pid?: string; readonly ipc?: string };
}

/** The OCI runtime spec of a container: image config and options over Docker's defaults. */
export function containerSpec(input: ContainerSpecInput): Spec {
  const { id, config, options, user } = input;
  const privileged = options.privileged ?? false;
  const capabilities = chooseCapabilities({
    add: options.capAdd ?? [],
    drop: options.capDrop ?? [],
    privileged,
  });
  const securityOptions = options.securityOptions ?? [];
  const seccomp = seccompFor(securityOptions, capabilities, privileged);
  const resources = specResources(options.resources, deviceRules(options, input.devices));
  const parent = options.resources?.cgroupParent?.replace(/^\/+/, '') || 'tsbuild';
  return {
    ociVersion: '1.2.0',
    process: {
      terminal: options.terminal !== undefined,
      ...(options.terminal && {
        consoleSize: { height: options.terminal.rows, width: options.terminal.columns },
      }),
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args: commandLine(config, options),
      env: environment(input),
      cwd: workingDirectory(config, options),
      capabilities: capabilitySets(capabilities, user.uid),
      rlimits: (options.ulimits ?? []).map(rlimit),
      noNewPrivileges: forbidsNewPrivileges(securityOptions),
      ...(options.oomScoreAdj !== undefined && { oomScoreAdj: options.oomScoreAdj }),
    },
    root: { path: 'rootfs', readonly: options.readOnly ?? false },
    ...(!options.hostNamespaces?.includes('uts') && { hostname: hostnameOf(input) }),
    ...(options.domainname !== undefined && { domainname: options.domainname }),
    mounts: [...standardMounts(input), ...input.mounts],
    ...(options.annotations && { annotations: options.annotations }),
    linux: {
      namespaces: namespaces(input.network, options.hostNamespaces, input.joined),
      ...(input.devices.length > 0 && { devices: input.devices.map(({ access: _, ...device }) => device) }),
      ...(resources && { resources }),
      cgroupsPath: `/${parent}/${id}`,
      sysctl: { ...(!input.network.host && OWN_NETWORK_SYSCTLS), ...options.sysctls },
      ...(seccomp && { seccomp }),
      ...guardedPaths(securityOptions, privileged),
    },
  };
}

/** Docker's: in a network of its own every user may listen at low ports, and ping. */
const OWN_NETWORK_SYSCTLS = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

/** Docker's, without those that something asked for takes the place of, itself or as a whole /dev or /sys. */
function standardMounts({ options, mounts }: ContainerSpecInput): readonly SpecMount[] {
  const covered = new Set(mounts.map(({ destination }) => destination));
  const standard = defaultMounts({
    shmSize: options.shmSize || DEFAULT_SHM_SIZE,
    writableSys: options.privileged ?? false,
    shm: options.hostNamespaces?.includes('ipc')
      ? 'host'
      : options.ipc === 'none' || options.joinNamespaces?.ipc !== undefined
        ? 'none'
        : 'own',
  });
  const isCovered = (destination: string) =>
    covered.has(destination) ||
    ['/dev', '/sys'].some((place) => covered.has(place) && destination.startsWith(`${place}/`));
  return standard.filter(({ destination }) => !isCovered(destination));
}

function workingDirectory(config: ContainerConfig, { workdir }: ContainerOptions): string {
  if (workdir && !workdir.startsWith('/')) {
    throw new RuntimeError(
      'BAD_OPTION',
      workdir,
      `the working directory '${workdir}' is invalid, it needs to be an absolute path`,
    );
  }
  return posix.resolve('/', workdir || config.WorkingDir || '/');
}

/** Entrypoint and command, as `docker run` combines those of the image and those given. */
export function commandLine(config: ContainerConfig, options: ContainerOptions): readonly string[] {
  const replaced = options.entrypoint !== undefined;
  const entrypoint = options.entrypoint ?? config.Entrypoint ?? [];
  const command = options.command ?? (replaced ? [] : (config.Cmd ?? []));
  const args = [...entrypoint, ...command];
  if (args.length === 0) {
    throw new RuntimeError(
      'NO_COMMAND',
      '',
      'No command specified: the image has neither CMD nor ENTRYPOINT, so name a command after the image',
    );
  }
  return args;
}

/** `--hostname`, else the short id; of the host when its network, or its name itself, is shared. */
export function hostnameOf({
  id,
  options,
  network,
}: Pick<ContainerSpecInput, 'id' | 'options' | 'network'>): string {
  if (options.hostname) return options.hostname;
  if (network.hostname !== undefined) return network.hostname;
  return network.host || options.hostNamespaces?.includes('uts') ? hostnameOfHost() : id.slice(0, 12);
}

function environment(input: ContainerSpecInput): readonly string[] {
  const { config, options, user } = input;
  const image = new Map([
    ['HOSTNAME', hostnameOf(input)],
    ...(options.terminal ? [['TERM', 'xterm'] as const] : []),
    ...imageEnvironment(config.Env ?? []),
  ]);
  const variables = new Map(changeEnvironment(image, options.env ?? []));
  if (!variables.get('HOME')) variables.set('HOME', user.home);
  return environmentLines(variables);
}

/** -1 stays what it is: the sandbox knows it as unlimited. */
function rlimit({ name, soft, hard }: Ulimit): Rlimit {
  return { type: `RLIMIT_${name.toUpperCase()}`, soft, hard };
}

/** Undefined when nothing is limited: then no cgroup has to be joined. */
export function specResources(
  request: ContainerResources | undefined,
  devices?: Resources['devices'],
): Resources | undefined {
  const { memory: limit, memorySwap, pidsLimit = 0, blkioWeight } = request ?? {};
  const memory = defined({
    limit,
    reservation: request?.memoryReservation,
    // Docker's default: as much swap again as there is memory.
    swap: memorySwap || (limit === undefined ? undefined : limit * 2),
    swappiness: request?.memorySwappiness,
    disableOOMKiller: request?.oomKillDisable,
  });
  const cpu = defined({
    shares: request?.cpuShares,
    quota: request?.cpuQuota,
    period: request?.cpuPeriod,
    cpus: request?.cpusetCpus,
    mems: request?.cpusetMems,
  });
  const pids = pidsLimit <= 0 ? undefined : { limit: pidsLimit };
  const blockIO = defined({
    weight: blkioWeight || undefined,
    weightDevice: request?.blkioWeightDevices?.map(({ path, weight }) => ({ ...blockDevice(path), weight })),
    throttleReadBpsDevice: throttled(request?.readBps),
    throttleWriteBpsDevice: throttled(request?.writeBps),
    throttleReadIOPSDevice: throttled(request?.readIops),
    throttleWriteIOPSDevice: throttled(request?.writeIops),
  });
  return defined({ memory, cpu, pids, blockIO, devices });
}

const throttled = (rates: readonly DeviceRate[] | undefined) =>
  rates?.map(({ path, rate }) => ({ ...blockDevice(path), rate }));

/** The object without its undefined fields; undefined when none is left. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.length === 0
    ? undefined
    : (Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> });
}
