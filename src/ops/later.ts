import type { Operation } from '../solver/operation.ts';

/** An uncached operation of few builds, whose module is loaded when a vertex of its kind is met. */
export function loadedLater(load: () => Promise<Operation>): Operation {
  let loaded: Promise<Operation> | undefined;
  const operation = () => {
    loaded ??= load();
    return loaded;
  };
  return {
    cached: false,
    keyParts: async (...args) => (await operation()).keyParts(...args),
    run: async (...args) => (await operation()).run(...args),
  };
}
