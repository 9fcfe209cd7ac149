import { namesOf } from '../runtime/container-names.ts';
import type { ContainerOptions } from '../runtime/container-options.ts';
import {
  type ContainerState,
  type EndpointState,
  type HealthState,
  isRunning,
  type MountState,
} from '../runtime/container-state.ts';
import { healthcheckOf } from '../runtime/healthcheck.ts';
import { logBounds, logPath } from '../runtime/logs/log-file.ts';
import { endpointId } from '../runtime/network-record.ts';
import { portBindings, portMap } from '../runtime/ports.ts';
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
    ...(health && { Health: inspectedHealth(health) }),
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
    NetworkMode: options.network ?? 'bridge',
    PortBindings: portBindings(options),
    LogConfig: { Type: options.log?.driver ?? 'json-file', Config: options.log?.options ?? {} },
    RestartPolicy: {
      Name: options.restart?.name ?? 'no',
      MaximumRetryCount: options.restart?.maximumRetryCount ?? 0,
    },
    AutoRemove: remove,
    CapAdd: orNull(options.capAdd),
    CapDrop: orNull(options.capDrop),
    CgroupnsMode: 'private',
    Dns: options.dns ?? [],
    DnsOptions: options.dnsOptions ?? [],
    DnsSearch: options.dnsSearch ?? [],
    ExtraHosts: orNull(options.extraHosts?.map(({ host, ip }) => `${host}:${ip}`)),
    GroupAdd: orNull(options.groupAdd),
    IpcMode: shares('ipc') || 'private',
    OomScoreAdj: options.oomScoreAdj ?? 0,
    PidMode: shares('pid'),
    Privileged: options.privileged ?? false,
    PublishAllPorts: options.publishAll ?? false,
    ReadonlyRootfs: options.readOnly ?? false,
    SecurityOpt: orNull(options.securityOptions),
    UTSMode: shares('uts'),
    ShmSize: options.shmSize ?? 67_108_864,
    ...(options.sysctls && Object.keys(options.sysctls).length > 0 && { Sysctls: options.sysctls }),
    ...(options.init && { Init: true }),
    ...resources(options),
    MaskedPaths: options.privileged ? null : DEFAULT_MASKED_PATHS,
    ReadonlyPaths: options.privileged ? null : DEFAULT_READONLY_PATHS,
  };
}

function resources({ resources: limits = {}, devices = [], ulimits = [] }: ContainerOptions) {
  return {
    CpuShares: limits.cpuShares ?? 0,
    Memory: limits.memory ?? 0,
    NanoCpus: 0,
    CgroupParent: limits.cgroupParent ?? '',
    BlkioWeight: limits.blkioWeight ?? 0,
    CpuPeriod: limits.cpuPeriod ?? 0,
    CpuQuota: limits.cpuQuota ?? 0,
    CpusetCpus: limits.cpusetCpus ?? '',
    CpusetMems: limits.cpusetMems ?? '',
    Devices: devices.map(({ source, target }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: 'rwm',
    })),
    MemoryReservation: limits.memoryReservation ?? 0,
    MemorySwap: limits.memorySwap ?? 0,
    MemorySwappiness: limits.memorySwappiness ?? null,
    OomKillDisable: limits.oomKillDisable ?? false,
    PidsLimit: limits.pidsLimit ?? null,
    Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
  };
}

function config({ id, config: image, options }: ContainerState, name: string) {
  return {
    Hostname: options.hostname ?? id.slice(0, 12),
    Domainname: options.domainname ?? '',
    User: options.user ?? image.User ?? '',
    AttachStdin: options.stdinOnce ?? false,
    AttachStdout: options.stdinOnce ?? false,
    AttachStderr: options.stdinOnce ?? false,
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
    ...(options.stopSignal !== undefined && { StopSignal: options.stopSignal }),
    ...(options.stopTimeoutSeconds !== undefined && { StopTimeout: options.stopTimeoutSeconds }),
    ...healthcheck({ config: image, options }),
  };
}

/** In nanoseconds, as the API has it. */
function healthcheck(of: Pick<ContainerState, 'config' | 'options'>) {
  const check = healthcheckOf(of);
  if (check === undefined) return {};
  const nanoseconds = (milliseconds = 0) => Math.round(milliseconds * 1e6);
  return {
    Healthcheck: {
      Test: check.test,
      Interval: nanoseconds(check.intervalMs),
      Timeout: nanoseconds(check.timeoutMs),
      StartPeriod: nanoseconds(check.startPeriodMs),
      StartInterval: nanoseconds(check.startIntervalMs),
      Retries: check.retries ?? 0,
    },
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
  const networks = Object.fromEntries(
    endpoints.map((endpoint) => [endpoint.network, inspectedEndpoint(state, endpoint)]),
  );
  const { Gateway, IPAddress, IPPrefixLen, MacAddress } = networks.bridge ?? NO_ENDPOINT;
  return { Ports: portMap(state), Gateway, IPAddress, IPPrefixLen, MacAddress, Networks: networks };
}

const NO_ENDPOINT = { Gateway: '', IPAddress: '', IPPrefixLen: 0, MacAddress: '' };

function inspectedEndpoint(state: ContainerState, endpoint: EndpointState) {
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
    EndpointID: endpointId(state, { id: networkId }),
    Gateway: gateways.find((text) => !text.includes(':')) ?? '',
    IPAddress: address,
    IPPrefixLen: Number(prefix),
    IPv6Gateway: gateways.find((text) => text.includes(':')) ?? '',
    GlobalIPv6Address: address6,
    GlobalIPv6PrefixLen: Number(prefix6),
    DNSNames: isNamed ? namesOf(state, endpoint) : null,
  };
}
