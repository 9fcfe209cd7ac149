import { ALL_CAPABILITIES, DEFAULT_CAPABILITIES } from '../sandbox/capabilities.ts';

/** `--cap-add` and `--cap-drop` over Docker's default set; drops are applied to the default, adds win over drops of ALL. */
export function chooseCapabilities(request: {
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
}): readonly string[] {
  if (request.privileged) return ALL_CAPABILITIES;
  const add = request.add.map(normalise);
  const drop = request.drop.map(normalise);
  const base = add.includes('ALL') ? ALL_CAPABILITIES : drop.includes('ALL') ? [] : DEFAULT_CAPABILITIES;
  const kept = base.filter((name) => !drop.includes(name));
  const added = add.filter((name) => name !== 'ALL' && !kept.includes(name));
  return [...kept, ...added];
}

function normalise(name: string): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!ALL_CAPABILITIES.includes(full)) {
    throw new RangeError(`Unknown capability "${name}"`);
  }
  return full;
}
