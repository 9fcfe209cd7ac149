import type { OverlayRoot } from '../../layers/index.ts';

/** The next bytes are read when it has resolved; with false none are, and the process' next write fails. */
export type TakeOutput = (stream: 1 | 2, data: Uint8Array) => Promise<boolean> | undefined;

/** How a process' standard streams are wired. */
export type Stdio =
  /**
   * Each by itself: a given descriptor becomes it (the caller keeps and closes its own), `pipe` makes one whose other
   * end the caller gets as a stream, and `null` is /dev/null.
   */
  | {
      readonly kind: 'fds';
      readonly stdin: number | 'null' | 'pipe';
      readonly stdout: number | 'null' | 'pipe';
      readonly stderr: number | 'null' | 'pipe';
      /** Gets what comes out of pipes, in place of streams. Not for a process among those of others. */
      readonly take?: TakeOutput;
    }
  /** Pipes for output, and stdin from /dev/null or a pipe. */
  | { readonly kind: 'pipes'; readonly stdin: 'null' | 'pipe' }
  /** A pseudo-terminal of the container's own devpts. */
  | { readonly kind: 'terminal'; readonly rows: number; readonly columns: number };

/** Which of the two start mechanisms: the set-up inside a vfork child, or a re-executed init bundle. `auto` takes the first unless it does not work here. */
export type StartMechanism = 'auto' | 'vfork' | 'reexec';

export interface LaunchOptions {
  /** Mounted as the root before anything else; a bundle directory's `rootfs` when undefined (then `spec.root.path` is used). */
  readonly overlay?: OverlayRoot;
  readonly stdio: Stdio;
  /** Small files to have in the root without touching it: bound read-only (or not) from a private tmpfs. `content` is UTF-8. */
  readonly files?: readonly {
    readonly path: string;
    readonly content: string | Uint8Array;
    readonly mode: number;
    readonly uid?: number;
    readonly gid?: number;
    readonly readonly: boolean;
  }[];
  /** Parts of layer stacks bound into the root, after the spec's mounts of shorter destinations. */
  readonly trees?: readonly TreeMount[];
  readonly mechanism?: StartMechanism;
  /** Run a tiny init as PID 1 that forwards signals and reaps (docker run --init). */
  readonly init?: boolean;
  /** Further control groups to be in: files that take a `0`. */
  readonly cgroupFiles?: readonly string[];
  /**
   * Of its own control group: `needed` (unless told), `wanted` where it can be had, or `cheap`: only where it costs
   * next to nothing, unless the spec limits something (see cgroups.ts).
   */
  readonly cgroup?: CgroupWish;
  /** Mounts of another container to have too. */
  readonly shared?: readonly SharedMount[];
  /** It does not end with the thread that started it. */
  readonly outlives?: boolean;
}

/** A file or directory of a layer stack, seen at `destination`. Without an upper directory in `root` it is read-only. */
export interface TreeMount {
  readonly destination: string;
  readonly root: OverlayRoot;
  /** Absolute in the stack; resolved inside it. */
  readonly source: string;
  /** Also with an upper directory. */
  readonly readonly?: boolean;
}

export type CgroupWish = 'needed' | 'wanted' | 'cheap';

/** What another container has mounted at `path`, at the same path. */
export interface SharedMount {
  readonly path: string;
  /** `/proc/self/fd/N`, open on its mount namespace. */
  readonly namespace: string;
}

export interface ExitStatus {
  /** 0–255; 128 + signal when killed. */
  readonly code: number;
  /** Signal number that ended it. */
  readonly signal?: number;
  /** The kernel's out-of-memory killer ended a process of its cgroup. */
  readonly oomKilled: boolean;
}

/** A started container. */
export interface RunningProcess {
  /** Of PID 1, as the host sees it. */
  readonly pid: number;
  /** Writable end, when there is one. */
  readonly stdin?: import('node:stream').Writable;
  readonly stdout?: import('node:stream').Readable;
  readonly stderr?: import('node:stream').Readable;
  /** The terminal's master, both ways, when `stdio` is a terminal. */
  readonly terminal?: import('node:stream').Duplex;
  /** Mount points that had to be made in the root's own file system (its upper directory): absolute paths in order of creation, parents before what is in them. */
  readonly stubs: readonly string[];
  resize(rows: number, columns: number): void;
  /** To PID 1. */
  kill(signal: number): void;
  /** When PID 1 is gone, with output still under way. */
  readonly ended: Promise<unknown>;
  /** When PID 1 and with it every process of its PID namespace is gone, output is drained, and the cgroup is removed. */
  wait(): Promise<ExitStatus>;
}

/** Why a container could not be started; `NOT_FOUND` and `NOT_EXECUTABLE` are Docker's 127 and 126. */
export type SandboxErrorCode = 'NOT_FOUND' | 'NOT_EXECUTABLE' | 'BAD_SPEC' | 'REFUSED' | 'SYSTEM';

export class SandboxError extends Error {
  override readonly name = 'SandboxError';
  constructor(
    readonly code: SandboxErrorCode,
    readonly subject: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
