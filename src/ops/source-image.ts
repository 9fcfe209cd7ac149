import type { DiffId, Layer } from '../../layers/index.ts';
import type { ImageSourceOp } from '../llb/op.ts';
import type { Operation } from '../solver/operation.ts';

/** An image's filesystem. Its layers come from whoever resolved the image, by the digest of its manifest; a pull is told of as the vertex'. */
export function imageSourceOperation(
  layersOf: (op: ImageSourceOp, vertex: string) => Promise<readonly Layer[]>,
  chainOf: (op: ImageSourceOp) => readonly DiffId[],
): Operation {
  return {
    cached: false,
    async keyParts({ op }) {
      return [{ name: 'image', value: (op as ImageSourceOp).manifest }];
    },
    chain: ({ op }) => chainOf(op as ImageSourceOp),
    async run({ op, digest }) {
      return { kind: 'layers', layers: await layersOf(op as ImageSourceOp, digest) };
    },
  };
}
