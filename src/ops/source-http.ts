import type { Store } from '../../layers/index.ts';
import type { Operation } from '../solver/operation.ts';
export function httpSourceOperation(_store: Store): Operation { return { cached: false, keyParts: async () => [], run: () => Promise.reject(new Error("pending")) }; }
