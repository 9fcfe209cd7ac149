import type { Operation } from '../solver/operation.ts';

/** The empty filesystem. */
export const scratchOperation: Operation = {
  cached: false,
  async keyParts() {
    return [{ name: 'scratch', value: '' }];
  },
  chain: () => [],
  async run() {
    return { kind: 'layers', layers: [] };
  },
};
