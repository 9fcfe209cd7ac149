import type { Descriptor, Digest, Platform } from '../../layers/index.ts';
import type { ExecResources } from '../llb/op.ts';
import type { ProgressEvent } from '../progress/events.ts';
import type { StartMechanism } from '../sandbox/sandbox.ts';

/** One build. Everything but `context` has Docker's default. */
export interface BuildRequest {
  /** A directory; undefined: no files (Dockerfile given as text). A `Readable` is a tar. */
  readonly context: string | undefined | NodeJS.ReadableStream;
  /** Path of the Dockerfile, or its text. Default: `Dockerfile` (or `dockerfile`) in the context. */
  readonly dockerfile?: { readonly path: string } | { readonly text: string };
  readonly tags?: readonly string[];
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: readonly string[];
  readonly buildContexts?: Readonly<Record<string, string>>;
  readonly secrets?: readonly {
    readonly id: string;
    readonly source: { readonly file: string } | { readonly env: string } | { readonly value: Uint8Array };
  }[];
  readonly ssh?: readonly { readonly id: string; readonly paths: readonly string[] }[];
  readonly platforms?: readonly Platform[];
  readonly noCache?: boolean;
  readonly noCacheFilter?: readonly string[];
  readonly pull?: boolean;
  readonly network?: 'default' | 'none' | 'host';
  readonly allow?: readonly string[];
  readonly extraHosts?: readonly { readonly host: string; readonly ip: string }[];
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly shmSize?: number;
  readonly cgroupParent?: string;
  readonly resources?: ExecResources;
  readonly outputs?: readonly OutputRequest[];
  /** Seconds since 1970. */
  readonly sourceDateEpoch?: number;
  readonly storeRoot?: string;
  readonly mechanism?: StartMechanism;
  readonly signal?: AbortSignal;
}

/** `-o`: where the result goes besides (or instead of) the store. `dest` `-` is standard output. */
export type OutputRequest =
  | { readonly type: 'image'; readonly name?: string; readonly attributes: Readonly<Record<string, string>> }
  | {
      readonly type: 'oci' | 'docker';
      readonly dest: string;
      readonly attributes: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'tar' | 'local';
      readonly dest: string;
      readonly attributes: Readonly<Record<string, string>>;
    }
  | { readonly type: 'cacheonly' };

export interface BuildResult {
  /** Manifest, or index when several platforms were built; undefined when only files were put out. */
  readonly image?: Descriptor;
  /** Config digest of the (first) platform: the image ID. */
  readonly imageId?: Digest;
  readonly names: readonly string[];
}

/** A build under way: iterate for events, await `result`. */
export interface Build extends AsyncIterable<ProgressEvent> {
  readonly result: Promise<BuildResult>;
}

/** `docker run`'s options as values. Everything but `image` has Docker's default. */
export interface RunRequest {
  readonly image: string;
  /** Replaces the image's Cmd. */
  readonly command?: readonly string[];
  /** Replaces the image's Entrypoint and drops its Cmd; an empty list clears it. */
  readonly entrypoint?: readonly string[];
  readonly name?: string;
  readonly remove?: boolean;
  /** `NAME=value`. */
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly workdir?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly MountRequest[];
  readonly network?: string;
  readonly extraHosts?: readonly { readonly host: string; readonly ip: string }[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly resources?: ContainerResources;
  readonly readOnly?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly privileged?: boolean;
  readonly securityOptions?: readonly string[];
  readonly init?: boolean;
  /** Bytes. */
  readonly shmSize?: number;
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly oomScoreAdj?: number;
  readonly terminal?: { readonly rows: number; readonly columns: number };
  readonly pull?: 'always' | 'missing' | 'never';
  readonly platform?: Platform;
  readonly storeRoot?: string;
  readonly mechanism?: StartMechanism;
  readonly signal?: AbortSignal;
}

export interface ContainerResources extends ExecResources {
  /** Bytes. */
  readonly memoryReservation?: number;
  readonly pidsLimit?: number;
  /** 10–1000. */
  readonly blkioWeight?: number;
}

export type MountRequest =
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readonly: boolean;
      readonly createSource: boolean;
      readonly propagation?: string;
      readonly recursive: boolean;
    }
  | {
      readonly type: 'volume' /** Undefined: anonymous. */;
      readonly name?: string;
      readonly target: string;
      readonly readonly: boolean;
      readonly copy: boolean;
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly options: readonly string[] };
