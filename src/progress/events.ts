/**
 * What is happening, as data; the shape of BuildKit's solve status (`client.SolveStatus`), so that rawjson is a plain
 * serialisation of it. Times are milliseconds since 1970.
 */
export type ProgressEvent = VertexEvent | StatusEvent | LogEvent | WarningEvent;

/** A step: announced, started, completed. Later events of a digest replace earlier ones. */
export interface VertexEvent {
  readonly kind: 'vertex';
  /** `sha256:…` of the vertex in the build graph. */
  readonly digest: string;
  readonly inputs: readonly string[];
  /** `[build 2/5] RUN make`. */
  readonly name: string;
  readonly started?: number;
  readonly completed?: number;
  readonly cached?: boolean;
  /** The cache elsewhere that had the result. */
  readonly cachedFrom?: string;
  /** `context canceled` for a step that was stopped, not failed. */
  readonly error?: string;
}

/** Progress inside a step: bytes or entries of a transfer. */
export interface StatusEvent {
  readonly kind: 'status';
  readonly vertex: string;
  /** `sha256:… extracting`, `transferring context`. */
  readonly id: string;
  readonly current: number;
  readonly total?: number;
  readonly started: number;
  readonly completed?: number;
  /** How it was completed, where that is not the usual way: `Layer already exists`. */
  readonly outcome?: string;
}

/** Output of a step, as it came. */
export interface LogEvent {
  readonly kind: 'log';
  readonly vertex: string;
  /** 1 stdout, 2 stderr. */
  readonly stream: 1 | 2;
  readonly data: Uint8Array;
  readonly timestamp: number;
}

/** A finding of a build check, or a warning of the builder. */
export interface WarningEvent {
  readonly kind: 'warning';
  readonly vertex?: string;
  readonly short: string;
  readonly detail?: readonly string[];
  readonly url?: string;
  /** File name, text and 1-based line ranges it is about. */
  readonly source?: {
    readonly file: string;
    readonly text: string;
    readonly ranges: readonly { readonly start: number; readonly end: number }[];
  };
}

export type Report = (event: ProgressEvent) => void;
