import type { Operation } from '../solver/operation.ts';
import { layersOf } from '../solver/result.ts';

/** COPY --link: the layers of input 1, which were made on scratch, on top of those of input 0. Nothing is read or written. */
export const mergeOperation: Operation = {
  cached: false,
  async keyParts(_vertex, inputs) {
    return inputs.map(({ key }, index) => ({ name: `input ${index}`, value: key }));
  },
  chain: (_vertex, inputs) => inputs.flat(),
  async run(_vertex, inputs) {
    return { kind: 'layers', layers: inputs.flatMap(layersOf) };
  },
};
