import type { Vertex } from '../llb/definition.ts';

/** A step failed: which one, and why (`cause`). */
export class SolveError extends Error {
  override readonly name = 'SolveError';

  constructor(
    readonly vertex: Vertex,
    override readonly cause: unknown,
  ) {
    super(`${vertex.meta.name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
