import type { Lease } from '../../layers/index.ts';

let count = 0;

/** A lease that keeps nothing from anybody. */
export function fakeLease(): Pick<Lease, 'id' | 'hold'> & { readonly held: Set<string> } {
  const held = new Set<string>();
  return {
    id: (++count).toString(16).padStart(16, '0'),
    held,
    hold(kind, digest, exists) {
      if (!exists()) return false;
      held.add(`${kind} ${digest}`);
      return true;
    },
  };
}
