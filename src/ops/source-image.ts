import type { Layer } from '../../layers/index.ts';
import type { ImageSourceOp } from '../llb/op.ts';
import type { Operation } from '../solver/operation.ts';

/** An image's filesystem. Its layers come from whoever resolved the image, by the digest of its manifest. */
export function imageSourceOperation(layersOf: (op: ImageSourceOp) => Promise<readonly Layer[]>): Operation {
  return {
    cached: false,
    async keyParts({ op }) {
      return [{ name: 'image', value: (op as ImageSourceOp).manifest }];
    },
    async run({ op }) {
      return { kind: 'layers', layers: await layersOf(op as ImageSourceOp) };
    },
  };
}
