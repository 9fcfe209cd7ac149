import { namesOf } from '../runtime/container-names.ts';
import type { ContainerOptions } from '../runtime/container-options.ts';
import {
  type ContainerState,
  type EndpointState,
  type HealthState,
  isRunning,
  type MountState,
  networkNames,
} from '../runtime/container-state.ts';
import { healthcheckOf } from '../runtime/healthcheck.ts';
import { logBounds, logPath } from '../runtime/logs/log-file.ts';
import { endpointId } from '../runtime/network-record.ts';
import { exposedPorts, portBindings, portMap } from '../runtime/ports.ts';
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from '../sandbox/masks.ts';

/** Docker's "never". */
const NO_TIME = '0001-01-01T00:00:00Z';

/** `docker container inspect`, one element: the fields that Docker 28 prints and its clients read. */
export type InspectedContainer = ReturnType<typeof inspectContainer>;

export function inspectContainer(state: ContainerState, directory: string) {
  const { id, name, created, args, image, imageId, mounts = [] } = state;
  return {
    Id: id,
    Created: created,
    Path: args[0] ?? '',
    Args: args.slice(1),
    State: inspectedState(state),
    Image: imageId,
    ResolvConfPath: '',
    HostnamePath: '',
    HostsPath: '',
    LogPath: logBounds(state.options.log) === undefined ? '' : logPath(directory, id),
    Name: `/${name}`,
    RestartCount: state.restartCount ?? 0,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfig(state),
    GraphDriver: { Data: { UpperDir: `${directory}/fs`, WorkDir: `${directory}/work` }, Name: 'overlay2' },
    Mounts: mounts.map(inspectedMount),
    Config: config(state, image),
    NetworkSettings: networkSettings(state),
  };
}

function inspectedState(state: ContainerState) {
  const { status, process, exitCode, oomKilled, startedAt, finishedAt, error, health } = state;
  const hasProcess = isRunning(state);
  return {
    Status: status,
    // As for Docker: one that waits to be started again counts as running.
    Running: hasProcess || status === 'restarting',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: oomKilled ?? false,
    Dead: false,
    Pid: hasProcess ? (process?.pid ?? 0) : 0,
    ExitCode: exitCode ?? 0,
    Error: error ?? '',
    StartedAt: startedAt ?? NO_TIME,
    FinishedAt: finishedAt ?? NO_TIME,
    // Undefined ones are not in the JSON, and can be asked for by a template.
    Health: health && inspectedHealth(health),
  };
}

function inspectedHealth({ status, failingStreak, log }: HealthState) {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ start, end, exitCode, output }) => ({
      Start: start,
      End: end,
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

function inspectedMount({ type, name, source, target, readonly }: MountState) {
  return {
    Type: type,
    ...(name !== undefined && { Name: name }),
    Source: source ?? '',
    Destination: target,
    ...(type === 'volume' && { Driver: 'local' }),
    Mode: readonly ? 'ro' : '',
    RW: !readonly,
    Propagation: type === 'bind' ? 'rprivate' : '',
  };
}

/** Empty lists are null, as Go has them. */
const orNull = <T>(list: readonly T[] | undefined) => (list?.length ? list : null);

function hostConfig({ options, remove, mounts = [] }: ContainerState) {
  const shares = (name: 'pid' | 'ipc' | 'uts') => (options.hostNamespaces?.includes(name) ? 'host' : '');
  const binds = mounts
    .filter(({ type, anonymous }) => type !== 'tmpfs' && !anonymous)
    .map(({ name, source, target, readonly }) => `${name ?? source}:${target}${readonly ? ':ro' : ''}`);
  return {
    Binds: orNull(binds),
    ContainerIDFile: '',
    NetworkMode: options.network ?? 'bridge',
    PortBindings: portBindings(options),
    LogConfig: { Type: options.log?.driver ?? 'json-file', Config: options.log?.options ?? {} },
    RestartPolicy: {
      Name: options.restart?.name ?? 'no',
      MaximumRetryCount: options.restart?.maximumRetryCount ?? 0,
    },
    AutoRemove: remove,
    VolumeDriver: '',
    VolumesFrom: orNull(
      options.volumesFrom?.map(({ container, readonly }) => (readonly ? `${container}:ro` : container)),
    ),
    ConsoleSize: [options.terminal?.rows ?? 0, options.terminal?.columns ?? 0],
    CapAdd: orNull(options.capAdd),
    CapDrop: orNull(options.capDrop),
    CgroupnsMode: options.hostNamespaces?.includes('cgroup') ? 'host' : 'private',
    Dns: options.dns ?? [],
    DnsOptions: options.dnsOptions ?? [],
    DnsSearch: options.dnsSearch ?? [],
    ExtraHosts: orNull(options.extraHosts?.map(({ host, ip }) => `${host}:${ip}`)),
    GroupAdd: orNull(options.groupAdd),
    IpcMode: shares('ipc') || 'private',
    Cgroup: '',
    Links: null,
    OomScoreAdj: options.oomScoreAdj ?? 0,
    PidMode: shares('pid'),
    Privileged: options.privileged ?? false,
    PublishAllPorts: options.publishAll ?? false,
    ReadonlyRootfs: options.readOnly ?? false,
    SecurityOpt: orNull(options.securityOptions),
    UTSMode: shares('uts'),
    UsernsMode: '',
    Runtime: options.runtime ?? 'tsbuild',
    Isolation: '',
    ShmSize: options.shmSize ?? 67_108_864,
    ...(options.sysctls && Object.keys(options.sysctls).length > 0 && { Sysctls: options.sysctls }),
    ...(options.init && { Init: true }),
    ...resources(options),
    MaskedPaths: options.privileged ? null : DEFAULT_MASKED_PATHS,
    ReadonlyPaths: options.privileged ? null : DEFAULT_READONLY_PATHS,
  };
}

/** What `--cpus` makes of a number of processors: a share of this period, in microseconds. */
const CPUS_PERIOD = 100_000;
const NANO_PER_QUOTA = 1e9 / CPUS_PERIOD;

function resources({ resources: limits = {}, devices = [], ulimits = [] }: ContainerOptions) {
  const isByCpus = limits.cpuPeriod === CPUS_PERIOD && limits.cpuQuota !== undefined;
  return {
    CpuShares: limits.cpuShares ?? 0,
    Memory: limits.memory ?? 0,
    NanoCpus: isByCpus ? (limits.cpuQuota ?? 0) * NANO_PER_QUOTA : 0,
    CgroupParent: limits.cgroupParent ?? '',
    BlkioWeight: limits.blkioWeight ?? 0,
    CpuPeriod: isByCpus ? 0 : (limits.cpuPeriod ?? 0),
    CpuQuota: isByCpus ? 0 : (limits.cpuQuota ?? 0),
    CpusetCpus: limits.cpusetCpus ?? '',
    CpusetMems: limits.cpusetMems ?? '',
    Devices: devices.map(({ source, target }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: 'rwm',
    })),
    MemoryReservation: limits.memoryReservation ?? 0,
    // Docker's default, which is also what is set.
    MemorySwap: limits.memorySwap || (limits.memory ?? 0) * 2,
    MemorySwappiness: limits.memorySwappiness ?? null,
    OomKillDisable: limits.oomKillDisable ?? false,
    PidsLimit: limits.pidsLimit ?? null,
    Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
  };
}

function config(state: ContainerState, name: string) {
  const { id, config: image, options } = state;
  return {
    Hostname: options.hostname ?? id.slice(0, 12),
    Domainname: options.domainname ?? '',
    User: options.user ?? image.User ?? '',
    AttachStdin: options.stdinOnce ?? false,
    AttachStdout: options.stdinOnce ?? false,
    AttachStderr: options.stdinOnce ?? false,
    ExposedPorts: exposedPorts(state),
    Tty: options.terminal !== undefined,
    OpenStdin: options.interactive ?? false,
    StdinOnce: options.stdinOnce ?? false,
    Env: [...(options.env ?? []), ...(image.Env ?? [])],
    Cmd: options.command ?? image.Cmd ?? null,
    Image: name,
    Volumes: image.Volumes ?? null,
    WorkingDir: options.workdir ?? image.WorkingDir ?? '',
    Entrypoint: options.entrypoint ?? image.Entrypoint ?? null,
    OnBuild: null,
    Labels: containerLabels({ config: image, options }),
    StopSignal: options.stopSignal,
    StopTimeout: options.stopTimeoutSeconds,
    Healthcheck: healthcheck({ config: image, options }),
  };
}

/** In nanoseconds, as the API has it. */
function healthcheck(of: Pick<ContainerState, 'config' | 'options'>) {
  const check = healthcheckOf(of);
  if (check === undefined) return undefined;
  const nanoseconds = (milliseconds = 0) => Math.round(milliseconds * 1e6);
  return {
    Test: check.test,
    Interval: nanoseconds(check.intervalMs),
    Timeout: nanoseconds(check.timeoutMs),
    StartPeriod: nanoseconds(check.startPeriodMs),
    StartInterval: nanoseconds(check.startIntervalMs),
    Retries: check.retries ?? 0,
  };
}

/** Those of the image, and those given over them. */
export function containerLabels({
  config: image,
  options,
}: Pick<ContainerState, 'config' | 'options'>): Readonly<Record<string, string>> {
  return { ...image.Labels, ...options.labels };
}

function networkSettings(state: ContainerState) {
  const endpoints = isRunning(state) ? (state.network?.endpoints ?? []) : [];
  const others = networkNames(state).filter((name) => !name.startsWith('container:'));
  const networks = Object.fromEntries([
    // Those that it is to be on when it runs, and the ones without addresses.
    ...others.map((name) => [name, inspectedEndpoint(state, { ...NO_ENDPOINT, network: name })] as const),
    ...endpoints.map((endpoint) => [endpoint.network, inspectedEndpoint(state, endpoint)] as const),
  ]);
  const { bridge = inspectedEndpoint(state, NO_ENDPOINT) } = networks;
  return {
    Bridge: '',
    SandboxID: isRunning(state) ? state.id : '',
    // Where nsenter finds it.
    SandboxKey: isRunning(state) ? `/proc/${state.process?.pid ?? 0}/ns/net` : '',
    Ports: portMap(state),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge.EndpointID,
    Gateway: bridge.Gateway,
    GlobalIPv6Address: bridge.GlobalIPv6Address,
    GlobalIPv6PrefixLen: bridge.GlobalIPv6PrefixLen,
    IPAddress: bridge.IPAddress,
    IPPrefixLen: bridge.IPPrefixLen,
    IPv6Gateway: bridge.IPv6Gateway,
    MacAddress: bridge.MacAddress,
    Networks: networks,
  };
}

const NO_ENDPOINT = { addresses: [], gateways: [], macAddress: '', network: 'bridge', networkId: '' };

type ShownEndpoint = Pick<
  EndpointState,
  'addresses' | 'gateways' | 'macAddress' | 'network' | 'networkId' | 'aliases'
>;

function inspectedEndpoint(state: ContainerState, endpoint: ShownEndpoint) {
  const { addresses, gateways, macAddress, network, networkId, aliases = [] } = endpoint;
  const isNamed = network !== 'bridge';
  const [address = '', prefix = '0'] = addresses.find((text) => !text.includes(':'))?.split('/') ?? [];
  const [address6 = '', prefix6 = '0'] = addresses.find((text) => text.includes(':'))?.split('/') ?? [];
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: isNamed ? aliases : null,
    MacAddress: macAddress,
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: networkId,
    EndpointID: networkId === '' ? '' : endpointId(state, { id: networkId }),
    Gateway: gateways.find((text) => !text.includes(':')) ?? '',
    IPAddress: address,
    IPPrefixLen: Number(prefix),
    IPv6Gateway: gateways.find((text) => text.includes(':')) ?? '',
    GlobalIPv6Address: address6,
    GlobalIPv6PrefixLen: Number(prefix6),
    DNSNames: isNamed ? namesOf(state, endpoint) : null,
  };
}
