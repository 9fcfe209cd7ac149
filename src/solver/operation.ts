import type { DiffId } from '../../layers/index.ts';
import type { Definition, Vertex } from '../llb/definition.ts';
import type { GitSourceOp, HttpSourceOp } from '../llb/op.ts';
import type { Report } from '../progress/events.ts';
import type { Result } from './result.ts';

/** Hex sha256 over a canonical, length-framed encoding of everything that a vertex' result depends on. */
export type CacheKey = string & { readonly __key?: never };

/**
 * What the solver knows of one kind of op. The solver decides order, sharing, caching and progress; an operation
 * decides what its result depends on and makes it.
 */
export interface Operation {
  /**
   * Everything that the result depends on, what matters of the op itself included: the cache key is made of these
   * parts alone. `inputs[i].key` stands for the whole of input i; an operation that reads only a part of an input
   * takes the digest of exactly that part instead.
   * May need the input's result (`inputs[i].result()`), which solves it first.
   */
  keyParts(
    vertex: Vertex,
    inputs: readonly OperationInput[],
    context: OperationContext,
  ): Promise<readonly KeyPart[]>;
  /**
   * Inputs whose results `keyParts` will ask for. They are solved at once, beside each other: stages that are copied
   * from one after the other would else wait for each other's files, since the key of each copy holds the one before.
   */
  readInputs?(vertex: Vertex): readonly number[];
  /**
   * The layers of the result by those of its inputs, of an operation that can tell them without making the result: then
   * nothing is fetched for a step whose files nobody reads.
   */
  chain?(vertex: Vertex, inputs: readonly (readonly DiffId[])[]): readonly DiffId[] | undefined;
  /** Makes the result; its inputs' results are ready. Layers it returns are new or the inputs' own. */
  run(vertex: Vertex, inputs: readonly Result[], context: OperationContext): Promise<Result>;
  /** Whether a result may be taken from and written to the build cache: not for sources, which have stores of their own. */
  readonly cached: boolean;
}

export interface OperationInput {
  readonly key: CacheKey;
  result(): Promise<Result>;
  /** The layers that the result has, bottom first, where that is known without making or fetching it. */
  chain(): Promise<readonly DiffId[] | undefined>;
}

/** A named part of a key; the name is for `--explain-cache`. */
export interface KeyPart {
  readonly name: string;
  readonly value: string | Uint8Array;
}

export interface OperationContext {
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Told what a source from elsewhere turned out to be: sha256 of a download, a commit. */
  readonly fetched?: (op: GitSourceOp | HttpSourceOp, found: string) => void;
}

export interface SolveRequest {
  readonly definition: Definition;
  /** By `op.type`. */
  readonly operations: { readonly [type: string]: Operation };
  readonly report: Report;
  readonly signal: AbortSignal;
  /** As in {@link OperationContext}. */
  readonly fetched?: OperationContext['fetched'];
  /** Told of each step that is run because the cache has no result for it. */
  readonly missed?: (vertex: Vertex, parts: readonly KeyPart[]) => void;
  /** Told of every cached step whose result is known, when it is: what an export of the cache is made of. */
  readonly solved?: (step: SolvedStep) => void;
  /**
   * Asked with the layers that the result has, where caches tell them all, before anything is made or fetched for it:
   * whether they need not be here. Those that are not then have no directory.
   */
  readonly namesSuffice?: (layers: readonly DiffId[]) => Promise<boolean>;
  /** Vertices running at once; default: cores, at least 4, since many steps wait more than they compute. */
  readonly parallel?: number;
}

/** A step with its key and what it added to its first input. */
export interface SolvedStep {
  readonly vertex: Vertex;
  readonly key: CacheKey;
  readonly layers: readonly DiffId[];
  /** Its command ran in this build. */
  readonly ran: boolean;
}
