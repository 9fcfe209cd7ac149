import type { Operation } from '../solver/operation.ts';

/** The empty filesystem. */
export const scratchOperation: Operation = {
  cached: false,
  async keyParts() {
    return [{ name: 'scratch', value: '' }];
  },
  async run() {
    return { kind: 'layers', layers: [] };
  },
};
