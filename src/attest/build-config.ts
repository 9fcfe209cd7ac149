import type { Definition, VertexDigest } from '../llb/definition.ts';
import type { Op } from '../llb/op.ts';

/** The graph of a build as provenance tells it. */
export interface BuildGraph {
  readonly config: object;
  /** `step0` and so on, by vertex. */
  readonly ids: ReadonlyMap<VertexDigest, string>;
}

/**
 * Steps with their inputs, in BuildKit's outline (`llbDefinition`, `digestMapping`); what a step does is in our terms.
 * Left out is what a step was lent and is no part of its result: proxy variables, which may hold passwords.
 */
export function buildConfig({ vertices }: Definition): BuildGraph {
  const ids = new Map([...vertices.keys()].map((digest, index) => [digest, `step${index}`]));
  const steps = [...vertices.values()].map(({ digest, op, inputs }) => ({
    id: ids.get(digest)!,
    op: { Op: { [op.type]: told(op) } },
    ...(inputs.length > 0 && { inputs: inputs.map((input) => `${ids.get(input)}:0`) }),
  }));
  const digestMapping = Object.fromEntries([...ids].sort(([one], [other]) => (one < other ? -1 : 1)));
  return { config: { llbDefinition: steps, digestMapping }, ids };
}

function told(op: Op): object {
  if (op.type === 'exec') {
    const { type: _, proxyEnv: _lent, ...rest } = op;
    return rest;
  }
  const { type: _, ...rest } = op;
  return rest;
}
