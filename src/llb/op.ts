import type { Platform } from '../../layers/index.ts';

/**
 * The vertices of a build graph as plain values: what to do, with nothing about how. After BuildKit's `pb.Op`; a file
 * operation keeps the Dockerfile's own terms (patterns, owner as written), since its semantics are the Dockerfile's.
 */
export type Op =
  | ScratchOp
  | ImageSourceOp
  | LocalSourceOp
  | HttpSourceOp
  | GitSourceOp
  | ExecOp
  | FileOp
  | MergeOp;

/** The empty filesystem. */
export interface ScratchOp {
  readonly type: 'scratch';
}

/** Filesystem of an image that was resolved when the Dockerfile was lowered. */
export interface ImageSourceOp {
  readonly type: 'image';
  /** Normalised reference as asked for, for messages. */
  readonly ref: string;
  /** Digest of the platform's manifest: what the result depends on. */
  readonly manifest: string;
  readonly platform: Platform;
}

/** A local directory: the build context or a named one. */
export interface LocalSourceOp {
  readonly type: 'local';
  /** `context`, or the name of a named context: a key of the solve request's `locals`. */
  readonly name: string;
}

/** ADD of a URL: one file. */
export interface HttpSourceOp {
  readonly type: 'http';
  readonly url: string;
  readonly checksum?: string;
  /** Name of the file in the result; undefined: from the URL's path (Content-Disposition is not followed). */
  readonly filename?: string;
}

/** ADD of a git repository, or a git context. */
export interface GitSourceOp {
  readonly type: 'git';
  readonly remote: string;
  readonly ref?: string;
  readonly subdir?: string;
  readonly keepGitDir: boolean;
  readonly checksum?: string;
  readonly submodules?: boolean;
}

/** RUN. Input 0 is the root; mounts name further inputs by index. */
export interface ExecOp {
  readonly type: 'exec';
  readonly args: readonly string[];
  /** `NAME=value`, PATH included, HOME not (it comes from the user's passwd entry). */
  readonly env: readonly string[];
  readonly cwd: string;
  /** As written in USER: name or number, with optional group. Empty: root. */
  readonly user: string;
  readonly hostname: string;
  readonly mounts: readonly ExecMount[];
  readonly network: 'default' | 'none' | 'host';
  readonly security: 'sandbox' | 'insecure';
  readonly extraHosts: readonly { readonly host: string; readonly ip: string }[];
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  /** Bytes; undefined: 64 MiB. */
  readonly shmSize?: number;
  readonly cgroupParent?: string;
  readonly resources?: ExecResources;
  /** Proxy variables: in the environment, not in the cache key. */
  readonly proxyEnv: readonly string[];
  /** CDI device requests (RUN --device). */
  readonly devices: readonly { readonly name: string; readonly required: boolean }[];
}

/** Limits for RUN, from the command line; not in the cache key. */
export interface ExecResources {
  /** Bytes. */
  readonly memory?: number;
  /** Bytes, memory and swap together; -1 unlimited. */
  readonly memorySwap?: number;
  readonly cpuShares?: number;
  /** Microseconds. */
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
}

/** `target` is absolute and cleaned; `input` indexes the vertex' inputs, undefined is an empty (scratch) source. */
export type ExecMount =
  | {
      readonly type: 'bind';
      readonly target: string;
      readonly input?: number;
      readonly source: string;
      readonly readonly: boolean;
    }
  | {
      readonly type: 'cache';
      readonly target: string;
      readonly input?: number;
      readonly source: string;
      readonly readonly: boolean;
      readonly id: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      /** Of a new one; undefined 0755 0:0. */
      readonly mode?: number;
      readonly uid?: number;
      readonly gid?: number;
    }
  | { readonly type: 'tmpfs'; readonly target: string /** Bytes. */; readonly size?: number }
  | {
      readonly type: 'secret';
      readonly id: string;
      /** Undefined: environment variable only. */
      readonly target?: string;
      readonly env?: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: 'ssh';
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** COPY, ADD, WORKDIR, heredocs: actions applied in order onto input 0 in one layer. */
export interface FileOp {
  readonly type: 'file';
  readonly actions: readonly FileAction[];
}

export type FileAction = CopyAction | MakeFileAction | MakeDirectoryAction;

/** An owner as the Dockerfile has it, expanded: `user[:group]`, resolved in the root being written. Undefined: 0:0 (or kept, with `keepOwner`). */
export type Owner = string;

/** A mode: octal number, or symbolic as chmod(1) takes it (`u=rwX,go=rX`). */
export type ModeChange = { readonly octal: number } | { readonly symbolic: string };

export interface CopyAction {
  readonly kind: 'copy';
  /** Index of the vertex' input that the sources are in. */
  readonly input: number;
  /** Patterns as in Go's filepath.Match, rooted at /, cleaned by the action itself; `**` only with `parents`. */
  readonly sources: readonly string[];
  /** Absolute; a trailing slash says "into this directory". */
  readonly destination: string;
  readonly owner?: Owner;
  readonly mode?: ModeChange;
  /** Files keep the owner they have in the source (COPY --from). */
  readonly keepOwner: boolean;
  /** .dockerignore syntax. */
  readonly exclude: readonly string[];
  readonly parents: boolean;
  /** ADD: unpack archives: `auto` when a source itself is a local archive, `always`, `never`. */
  readonly unpack: 'auto' | 'always' | 'never';
  /** The text of the source as the user wrote it, for messages. */
  readonly display: readonly string[];
}

/** A heredoc or other inline file. */
export interface MakeFileAction {
  readonly kind: 'mkfile';
  /** Absolute; a trailing slash or an existing directory: the file goes inside under `name`. */
  readonly destination: string;
  readonly name: string;
  readonly data: string;
  readonly owner?: Owner;
  readonly mode?: ModeChange;
  /** Default mode when `mode` is undefined. */
  readonly defaultMode: number;
}

/** WORKDIR. Nothing happens where the directory is there already. */
export interface MakeDirectoryAction {
  readonly kind: 'mkdir';
  readonly path: string;
  /** As in USER. */
  readonly owner?: Owner;
  readonly mode: number;
  /** Seconds since 1970 for new directories (SOURCE_DATE_EPOCH). */
  readonly mtime?: number;
}

/** COPY --link: input 1 was made on scratch, and its layer is stacked on input 0 as it is. */
export interface MergeOp {
  readonly type: 'merge';
}
