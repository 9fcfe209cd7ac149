import { digestOf } from '../../layers/index.ts';
import { encodeCanonical, type Plain } from './canonical.ts';
import type { Definition, Vertex, VertexDigest, VertexMeta } from './definition.ts';
import type { Op } from './op.ts';

/** Gathers vertices while a Dockerfile is lowered. The same op on the same inputs is one vertex, however often it is added. */
export class GraphBuilder {
  readonly #vertices = new Map<VertexDigest, Vertex>();

  /** Adds a step and gives its digest. Where it is there already it keeps its name; --no-cache of either one counts. */
  add(op: Op, inputs: readonly VertexDigest[], meta: VertexMeta): VertexDigest {
    for (const input of inputs) {
      if (!this.#vertices.has(input))
        throw new Error(`Cannot add ${op.type} vertex: input ${input} is not in the graph`);
    }
    const digest = vertexDigest(op, inputs);
    const known = this.#vertices.get(digest);
    if (known === undefined) this.#vertices.set(digest, { digest, op, inputs, meta });
    else if (meta.ignoreCache && !known.meta.ignoreCache) {
      this.#vertices.set(digest, { ...known, meta: { ...known.meta, ignoreCache: true } });
    }
    return digest;
  }

  /** The part of the graph that `result` needs, inputs before their users. */
  definition(result: VertexDigest): Definition {
    const needed = new Set<VertexDigest>();
    const pending = [result];
    for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
      if (needed.has(digest)) continue;
      needed.add(digest);
      pending.push(...this.#vertices.get(digest)!.inputs);
    }
    // A vertex is added after its inputs, so the order of adding is a topological one.
    return { vertices: new Map([...this.#vertices].filter(([digest]) => needed.has(digest))), result };
  }
}

/** Digest of a step: of its op and of its inputs' digests, and so of everything below it. */
export function vertexDigest(op: Op, inputs: readonly VertexDigest[]): VertexDigest {
  return digestOf(encodeCanonical({ version: 1, op: op as unknown as Plain, inputs }));
}
