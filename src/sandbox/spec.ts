/** The part of the OCI runtime spec (runtime-spec config.md, config-linux.md) that this project writes and executes. */
export interface Spec {
  readonly ociVersion: string;
  readonly process: Process;
  readonly root: { readonly path: string; readonly readonly?: boolean };
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly SpecMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: Linux;
}

export interface Process {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: User;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  readonly capabilities?: Capabilities;
  readonly rlimits?: readonly Rlimit[];
  readonly noNewPrivileges?: boolean;
  readonly oomScoreAdj?: number;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Octal in the kernel's sense; 0o022 unless told. */
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
}

/** Names with the `CAP_` prefix. */
export interface Capabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly inheritable: readonly string[];
  readonly permitted: readonly string[];
  readonly ambient: readonly string[];
}

export interface Rlimit {
  /** `RLIMIT_NOFILE`. */
  readonly type: string;
  /** -1 is unlimited. */
  readonly soft: number;
  readonly hard: number;
}

/** config.md, "Mounts". `type: 'bind'` with `bind` or `rbind` in options; sources are absolute host paths or `/proc/self/fd/N`. */
export interface SpecMount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
}

export interface Linux {
  readonly namespaces: readonly Namespace[];
  readonly devices?: readonly Device[];
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly cgroupsPath?: string;
  readonly resources?: Resources;
  readonly seccomp?: Seccomp;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly rootfsPropagation?: string;
}

export interface Namespace {
  readonly type: 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup';
  /** An existing one to join; else a new one. */
  readonly path?: string;
}

export interface Device {
  readonly path: string;
  readonly type: 'c' | 'b' | 'p';
  readonly major: number;
  readonly minor: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

export interface ThrottledDevice extends DeviceNumber {
  /** A second. */
  readonly rate: number;
}

export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** config-linux.md, "Control groups". */
export interface Resources {
  readonly devices?: readonly {
    readonly allow: boolean;
    readonly type?: string;
    readonly major?: number;
    readonly minor?: number;
    readonly access?: string;
  }[];
  readonly memory?: {
    readonly limit?: number;
    readonly reservation?: number;
    readonly swap?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    readonly weight?: number;
    readonly weightDevice?: readonly (DeviceNumber & { readonly weight: number })[];
    readonly throttleReadBpsDevice?: readonly ThrottledDevice[];
    readonly throttleWriteBpsDevice?: readonly ThrottledDevice[];
    readonly throttleReadIOPSDevice?: readonly ThrottledDevice[];
    readonly throttleWriteIOPSDevice?: readonly ThrottledDevice[];
  };
}

/** config-linux.md, "Seccomp". */
export interface Seccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number | bigint;
    readonly valueTwo?: number | bigint;
    readonly op: string;
  }[];
}
