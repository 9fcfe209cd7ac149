import type { ContainerConfig, HistoryEntry, ImageConfig, Platform } from '../../../layers/index.ts';
import type { Definition } from '../../llb/definition.ts';
import type { ExecResources, GitSourceOp, HttpSourceOp } from '../../llb/op.ts';
import type { Finding } from '../checks/finding.ts';
import type { DockerfileSource } from '../source.ts';

/** An image that FROM, COPY --from or a mount named, as the resolver found it. */
export interface ResolvedImage {
  /** Normalised reference. */
  readonly ref: string;
  /** Digest of the platform's manifest. */
  readonly manifest: string;
  readonly config: ImageConfig;
}

/** What `--build-context name=value` gives. */
export type NamedContext =
  | { readonly kind: 'local' }
  | { readonly kind: 'image'; readonly ref: string }
  | { readonly kind: 'oci-layout'; readonly ref: string }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'git'; readonly url: string }
  | { readonly kind: 'scratch' };

/** Everything that turns Dockerfile text into a graph, given as data or as a call. */
export interface LowerRequest {
  readonly source: DockerfileSource;
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly targetPlatform: Platform;
  readonly buildPlatform: Platform;
  /** The same Dockerfile is lowered for other platforms too: steps say which they are for. */
  readonly severalPlatforms?: boolean;
  readonly contexts: ReadonlyMap<string, NamedContext>;
  /**
   * The main context: a local directory; files that came from elsewhere, with owners of their own; or none (Dockerfile on
   * stdin without context).
   */
  readonly mainContext: 'local' | 'archive' | 'empty';
  /** --no-cache (`all`) or the stages of --no-cache-filter. */
  readonly noCache: 'all' | readonly string[];
  readonly network: 'default' | 'none' | 'host';
  readonly allow: readonly string[];
  readonly hostname: string;
  readonly extraHosts: readonly { readonly host: string; readonly ip: string }[];
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly shmSize?: number;
  readonly cgroupParent?: string;
  readonly resources?: ExecResources;
  /** Seconds since 1970: SOURCE_DATE_EPOCH. */
  readonly epoch?: number;
  /** Called only for images that the target needs; may be called for several at once. Throws when there is no such image. */
  resolveImage(ref: string, platform: Platform): Promise<ResolvedImage>;
  /** Seconds since 1970: when what a source brings was made; undefined when nothing tells. */
  sourceTime?(source: GitSourceOp | HttpSourceOp): Promise<number | undefined>;
  /** The same of the main context. A directory has no such time. */
  contextTime?(): Promise<number | undefined>;
  /** Whether the build context (or named local context) ignores the path: for CopyIgnoredFile. Undefined: cannot tell. */
  isIgnored?(context: string, path: string): boolean;
  /** Called for each finding of the build checks in the order of the file, also when lowering fails after it. */
  warn?(finding: Finding): void;
  readonly signal?: AbortSignal;
}

/** The graph of one platform and the image that its result becomes. */
export interface LoweredBuild {
  readonly definition: Definition;
  /** SOURCE_DATE_EPOCH, in seconds since 1970. */
  readonly epoch?: number;
  /** Config of the image without `rootfs`; `history[i].empty_layer` tells which entries have a layer. */
  readonly image: {
    readonly base?: ResolvedImage;
    readonly architecture: string;
    readonly os: string;
    readonly variant?: string;
    readonly 'os.version'?: string;
    readonly author?: string;
    readonly config: ContainerConfig;
    /** The base's entries first. */
    readonly history: readonly HistoryEntry[];
    /** The base's `created`, or that of a scratch image: undefined (now, or the epoch). */
    readonly created?: string;
  };
}
