import type { OverlayRoot } from '../../layers/index.ts';

/**
 * What the child has to do between its birth and exec, as plain data: compiled from the runtime spec before the child
 * exists, so that nothing is parsed or decided inside it, and can be sent to another process.
 */
export interface StartPlan {
  readonly namespaces: NamespacePlan;
  /** `tasks` or `cgroup.procs` files to be entered, before the cgroup namespace is made. */
  readonly cgroupFiles: readonly string[];
  /** Undefined: a mount namespace was joined, and its root is the root. */
  readonly root: RootPlan | undefined;
  readonly hostname?: string;
  readonly domainname?: string;
  /** Paths below /proc/sys, and values. */
  readonly sysctls: readonly (readonly [path: string, value: string])[];
  readonly process: ProcessPlan;
  /** A terminal is opened and becomes the standard streams. */
  readonly terminal?: { readonly rows: number; readonly columns: number };
  /** The program runs as the child of a small PID 1. */
  readonly init: boolean;
  /** It goes on when the parent ends. */
  readonly outlives: boolean;
  /** Standard streams that are pipes of ours are given to the container's user. */
  readonly ownPipes: boolean;
}

/** What is executed. */
export interface Program {
  readonly path: string;
  /** With the zeroth. */
  readonly args: readonly string[];
}

export interface NamespacePlan {
  /** `CLONE_NEW*` of the ones to be made by the child itself: all but pid. */
  readonly unshare: number;
  /** To be joined by the child, in this order: all but pid. */
  readonly join: readonly { readonly type: string; readonly flag: number; readonly path: string }[];
  /** `new`, a path to join, or undefined to stay. Concerns children only, so it is the parent's part. */
  readonly pid: 'new' | { readonly path: string } | undefined;
}

export interface RootPlan {
  readonly source:
    | { readonly kind: 'overlay'; readonly overlay: OverlayRoot }
    | { readonly kind: 'directory'; readonly path: string };
  readonly readonly: boolean;
  /** In order. */
  readonly mounts: readonly MountPlan[];
  readonly files: readonly FilePlan[];
  readonly devices: readonly DevicePlan[];
  /** Device nodes elsewhere than in `devices` can be opened; else every mount of the container is `nodev`. */
  readonly allDevices: boolean;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

/** One mount: how to make it, and where it goes. */
export interface MountPlan {
  readonly destination: string;
  readonly make:
    | {
        readonly kind: 'bind';
        readonly source: string;
        readonly recursive: boolean;
        /** Of the mount namespace that the source is in, when that is not the host's. */
        readonly namespace?: string;
      }
    /** `source` is resolved inside the stack of layers. */
    | { readonly kind: 'tree'; readonly overlay: OverlayRoot; readonly source: string }
    | { readonly kind: 'filesystem'; readonly type: string; readonly parameters: readonly FsParameter[] }
    | { readonly kind: 'cgroup1'; readonly hierarchies: readonly CgroupHierarchy[] };
  /** `MOUNT_ATTR_*`. */
  readonly set: number;
  readonly clear: number;
  /** `clear` goes for the mounts below a recursive bind too; `set` always does. */
  readonly clearBelow: boolean;
}

export type FsParameter = readonly [key: string, value?: string];

/** A version 1 hierarchy as a container sees it below /sys/fs/cgroup. */
export interface CgroupHierarchy {
  /** Where the host has it mounted. */
  readonly path: string;
  /** `cpu,cpuacct`. */
  readonly directory: string;
  readonly parameters: readonly FsParameter[];
  /** Further names that lead to `directory`. */
  readonly links: readonly string[];
}

export interface FilePlan {
  readonly destination: string;
  readonly content: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly readonly: boolean;
}

export interface DevicePlan {
  readonly path: string;
  /** With its type. */
  readonly mode: number;
  readonly major: number;
  readonly minor: number;
  readonly uid: number;
  readonly gid: number;
}

export interface ProcessPlan {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly umask: number;
  readonly rlimits: readonly RlimitPlan[];
  readonly oomScoreAdj?: number;
  readonly capabilities: CapabilityMasks;
  /** Held until the last steps before exec, which need them. */
  readonly keptCapabilities: bigint;
  readonly noNewPrivileges: boolean;
  /** sock_filter instructions, and the flags to load them with. */
  readonly seccomp?: { readonly program: Uint8Array; readonly flags: number };
}

/** setrlimit(2); -1 is unlimited. */
export interface RlimitPlan {
  /** `RLIMIT_NOFILE`. */
  readonly name: string;
  readonly resource: number;
  readonly soft: bigint;
  readonly hard: bigint;
}

/** Bit n is capability n. */
export interface CapabilityMasks {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
}
