import type { Descriptor, Digest, Platform } from '../../layers/index.ts';
import type { ExecResources } from '../llb/op.ts';
import type { ProgressEvent, Report } from '../progress/events.ts';
import type { ContainerOptions } from '../runtime/container-options.ts';
import type { StartMechanism } from '../sandbox/sandbox.ts';
import type { OpenStep } from './open-step.ts';

/** One build. Everything but `context` has Docker's default. */
export interface BuildRequest {
  /** A directory; undefined: no files (Dockerfile given as text). A `Readable` is a tar. */
  readonly context: string | undefined | NodeJS.ReadableStream;
  /** Path of the Dockerfile, or its text. Default: `Dockerfile` (or `dockerfile`) in the context. */
  readonly dockerfile?:
    | { readonly path: string }
    | { readonly text: string }
    | { readonly stdin: NodeJS.ReadableStream };
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
  /** `--cache-from` and `--cache-to`: docs/cache-export.md. */
  readonly cacheFrom?: readonly CacheAttributes[];
  readonly cacheTo?: readonly CacheAttributes[];
  /** `--attest`: `type` (`provenance`, `sbom`) and its attributes. Default: none. */
  readonly attests?: readonly Readonly<Record<string, string>>[];
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
  /** Build twice, the second time without the cache, and fail unless both gave the same image. */
  readonly verifyReproducible?: boolean;
  /** Tell of each step that is not cached why, in its output. */
  readonly explainCache?: boolean;
  readonly storeRoot?: string;
  readonly mechanism?: StartMechanism;
  /**
   * Called when the command of a RUN step has failed, for the first such step and while its filesystem is still there.
   * The build fails when that is over.
   */
  readonly onFailedStep?: (step: OpenStep) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** What says where a cache is: `type`, and what that type has. */
export type CacheAttributes = Readonly<Record<string, string>>;

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
  /** The image ID: digest of the config, or of the index when several platforms were built. */
  readonly imageId?: Digest;
  readonly names: readonly string[];
}

/** A build under way: iterate for events, await `result`. */
export interface Build extends AsyncIterable<ProgressEvent> {
  readonly result: Promise<BuildResult>;
}

/** `docker run`'s options as values. Everything but `image` has Docker's default. */
export interface RunRequest extends ContainerOptions {
  readonly image: string;
  readonly name?: string;
  /** Delete the container and its anonymous volumes when it ends. */
  readonly remove?: boolean;
  readonly pull?: 'always' | 'missing' | 'never';
  readonly platform?: Platform;
  readonly storeRoot?: string;
  readonly mechanism?: StartMechanism;
  /** Told of the progress of a pull. */
  readonly report?: Report;
  /** Aborted: nothing is started any more, and what runs is killed. */
  readonly signal?: AbortSignal;
}

export {
  type Descriptor,
  type Digest,
  formatPlatform,
  type Platform,
  parsePlatform,
} from '../../layers/index.ts';
export type { LogEvent, ProgressEvent, StatusEvent, VertexEvent, WarningEvent } from '../progress/events.ts';
export type {
  ContainerOptions,
  DeviceRequest,
  MountRequest,
  NetworkRequest,
  PortRequest,
  VolumesFrom,
} from '../runtime/container-options.ts';
