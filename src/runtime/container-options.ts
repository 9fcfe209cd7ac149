import type { PortRequest } from '../network/publish.ts';

export type { PortRequest };

/** What a container is started with, on top of its image: the options of `docker run` as values. */
export interface ContainerOptions {
  /** Replaces the image's Cmd. */
  readonly command?: readonly string[];
  /** Replaces the image's Entrypoint and drops its Cmd; an empty list clears it. */
  readonly entrypoint?: readonly string[];
  /** `NAME=value`; a bare `NAME` takes away what the image sets. */
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** `name|uid[:group|gid]`. */
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly workdir?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly MountRequest[];
  /** Containers whose volumes and binds it has too, where it has none of its own. */
  readonly volumesFrom?: readonly VolumesFrom[];
  /** `bridge`, `none`, `host`, `container:NAME`, or the name or id of a network. */
  readonly network?: string;
  /** All of its networks, `network` the first; only that unless told. */
  readonly networks?: readonly NetworkRequest[];
  /** Names for other containers. */
  readonly links?: readonly LinkRequest[];
  /** Namespaces that the container shares with the host. */
  readonly hostNamespaces?: readonly ('pid' | 'ipc' | 'uts' | 'cgroup')[];
  /** Containers whose namespaces it joins, by id or name; with that of IPC goes /dev/shm. */
  readonly joinNamespaces?: { readonly pid?: string; readonly ipc?: string };
  /** Its IPC namespace can be joined by others, or it has no /dev/shm. */
  readonly ipc?: 'shareable' | 'none';
  /** Reached from outside at ports of the host. */
  readonly ports?: readonly PortRequest[];
  /** Also whatever is exposed, at ports that are free. */
  readonly publishAll?: boolean;
  /** `80/tcp`: exposed besides those of the image. */
  readonly exposedPorts?: readonly string[];
  readonly extraHosts?: readonly HostEntry[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly resources?: ContainerResources;
  readonly readOnly?: boolean;
  /** Names with or without `CAP_`, any case; `ALL`. */
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  /** Every capability and device, nothing masked, no filter. */
  readonly privileged?: boolean;
  readonly devices?: readonly DeviceRequest[];
  /** `c 1:3 rwm`, as docker's `--device-cgroup-rule`: further devices that it may use nodes of. */
  readonly deviceRules?: readonly string[];
  /** Another OCI runtime that runs it: a name (`runc`, `crun`) or a path. */
  readonly runtime?: string;
  /** Of the runtime spec. */
  readonly annotations?: Readonly<Record<string, string>>;
  /**
   * `no-new-privileges`, `seccomp=unconfined|builtin|FILE`, `systempaths=unconfined`, `mask=PATH:…`, `unmask=PATH:…|ALL`.
   */
  readonly securityOptions?: readonly string[];
  /** A PID 1 that forwards signals and reaps. */
  readonly init?: boolean;
  /** Bytes. */
  readonly shmSize?: number;
  readonly ulimits?: readonly Ulimit[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly oomScoreAdj?: number;
  /** Signal that asks the container to end: `SIGTERM` or `15`. */
  readonly stopSignal?: string;
  /** How long `stop` waits until it kills; -1 for ever. Default: 10. */
  readonly stopTimeoutSeconds?: number;
  readonly terminal?: { readonly rows: number; readonly columns: number };
  /** Standard input is kept open for whoever attaches. */
  readonly interactive?: boolean;
  /** Standard input ends when the first who was attached to it goes. */
  readonly stdinOnce?: boolean;
  readonly restart?: RestartPolicy;
  readonly log?: LogConfig;
  readonly detachKeys?: string;
  /** Over the image's; what is not said here is as the image has it. */
  readonly healthcheck?: HealthcheckConfig;
}

/** How the health of a container is checked. Times in milliseconds. */
export interface HealthcheckConfig {
  /** `['CMD', …]`, `['CMD-SHELL', text]`, or `['NONE']`. */
  readonly test?: readonly string[];
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly startPeriodMs?: number;
  readonly startIntervalMs?: number;
  readonly retries?: number;
}

/** When a container that has ended is started again. */
export interface RestartPolicy {
  readonly name: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  /** Of `on-failure`; 0 is without end. */
  readonly maximumRetryCount: number;
}

/** Where the output of a container is kept. */
export interface LogConfig {
  readonly driver: 'json-file' | 'local' | 'none';
  /** `max-size`, `max-file` and others, as given. */
  readonly options: Readonly<Record<string, string>>;
}

/** How a container is on one of its networks. */
export interface NetworkRequest {
  /** Or id. */
  readonly name: string;
  /** Further names of the container there. */
  readonly aliases?: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly macAddress?: string;
  /** The way out is through the one with the highest; 0 unless told. */
  readonly gatewayPriority?: number;
}

export interface LinkRequest {
  readonly container: string;
  readonly alias: string;
}

export interface HostEntry {
  readonly host: string;
  /** An address, or `host-gateway`. */
  readonly ip: string;
}

/** A device node of the host, or a directory of them, and where the container sees it. */
export interface DeviceRequest {
  readonly source: string;
  readonly target: string;
  /** Any of `r`, `w` and `m`; all unless told. */
  readonly access?: string;
}

/** `name` as in `nofile`; -1 is unlimited. */
export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

export interface ContainerResources {
  /** Bytes. */
  readonly memory?: number;
  readonly memoryReservation?: number;
  /** Bytes, memory and swap together; -1 unlimited. */
  readonly memorySwap?: number;
  readonly cpuShares?: number;
  /** Microseconds. */
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pidsLimit?: number;
  /** 10 to 1000. */
  readonly blkioWeight?: number;
  readonly blkioWeightDevices?: readonly { readonly path: string; readonly weight: number }[];
  /** Bytes, or operations, a second. */
  readonly readBps?: readonly DeviceRate[];
  readonly writeBps?: readonly DeviceRate[];
  readonly readIops?: readonly DeviceRate[];
  readonly writeIops?: readonly DeviceRate[];
  readonly oomKillDisable?: boolean;
  /** 0 to 100. */
  readonly memorySwappiness?: number;
  /** Path of the group that the container's own is made in. */
  readonly cgroupParent?: string;
}

/** How fast a block device of the host may be used. */
export interface DeviceRate {
  readonly path: string;
  readonly rate: number;
}

/** What `docker volume create --opt` takes: `type`, `device`, `o`. */
export type VolumeOptions = Readonly<Record<string, string>>;

/** `--volumes-from`. */
export interface VolumesFrom {
  /** Name or id of a container. */
  readonly container: string;
  readonly readonly: boolean;
}

export type MountRequest =
  | {
      readonly type: 'bind';
      /** Absolute host path. */
      readonly source: string;
      readonly target: string;
      readonly readonly: boolean;
      /** `-v` makes a missing source directory; `--mount` refuses. */
      readonly createSource: boolean;
      /** With what is mounted below the source; true unless told. */
      readonly recursive?: boolean;
    }
  | {
      readonly type: 'volume';
      /** Undefined: anonymous. */
      readonly name?: string;
      /** One with a name that was made without one, for another container. */
      readonly anonymous?: boolean;
      readonly target: string;
      readonly readonly: boolean;
      /** Fill a new volume with what the image has at the target. */
      readonly copy: boolean;
      /** What of the volume is seen, resolved inside it; it must be there. */
      readonly subpath?: string;
      /** Of a volume that is made for this. */
      readonly labels?: Readonly<Record<string, string>>;
      readonly driverOptions?: VolumeOptions;
    }
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      /** As mount(8) takes them for tmpfs. */
      readonly options: readonly string[];
    };
