import type { Op } from './op.ts';

/** `sha256:…` over the canonical encoding of an op and the digests of its inputs. */
export type VertexDigest = string & { readonly __vertex?: never };

/** 1-based, inclusive, in the Dockerfile. */
export interface SourceLines {
  readonly start: number;
  readonly end: number;
}

/** A step of the graph. `inputs` are digests in the same definition; what is in `meta` does not enter the digest. */
export interface Vertex {
  readonly digest: VertexDigest;
  readonly op: Op;
  readonly inputs: readonly VertexDigest[];
  readonly meta: VertexMeta;
}

export interface VertexMeta {
  /** `[build 2/5] RUN make`. */
  readonly name: string;
  readonly lines?: SourceLines;
  /** --no-cache, or --no-cache-filter for its stage. */
  readonly ignoreCache: boolean;
  /** The program of the stage's SHELL, of a RUN whose stage has one. */
  readonly shell?: string;
  /** Stage name or index, for views that group. */
  readonly stage?: string;
}

/** A build graph: vertices by digest, in an order in which every input comes before its users. */
export interface Definition {
  readonly vertices: ReadonlyMap<VertexDigest, Vertex>;
  /** The vertex whose filesystem is the image's. */
  readonly result: VertexDigest;
}
