import type { Snapshotter } from '../../layers/index.ts';
import type { Vertex, VertexDigest } from '../llb/definition.ts';
import type { CacheStore } from './cache-store.ts';
import type { CacheKey, Operation, OperationContext, SolvedStep, SolveRequest } from './operation.ts';
import type { Result } from './result.ts';

/** What the parts of one attempt at a graph share. */
export interface Solving {
  readonly request: SolveRequest;
  readonly cache: CacheStore;
  readonly snapshots: Snapshotter;
  readonly context: OperationContext;
  /** The result of a vertex, which is solved once, whoever asks for it. */
  result(digest: VertexDigest): Promise<Result>;
}

export function vertexOf({ definition }: SolveRequest, digest: VertexDigest): Vertex {
  const vertex = definition.vertices.get(digest);
  if (vertex === undefined) throw new Error(`The build graph has no vertex ${digest}`);
  return vertex;
}

export function operationOf({ operations }: SolveRequest, vertex: Vertex): Operation {
  const operation = operations[vertex.op.type];
  if (operation === undefined) throw new Error(`No operation is known for "${vertex.op.type}"`);
  return operation;
}

/** Tells whoever wants to know of a cached step's result. */
export function solved(
  { solved }: SolveRequest,
  vertex: Vertex,
  key: CacheKey,
  layers: SolvedStep['layers'],
  ran: boolean,
): void {
  solved?.({ vertex, key, layers, ran });
}
