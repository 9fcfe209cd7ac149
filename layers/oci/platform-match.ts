import type { Descriptor } from './descriptor.ts';
import type { Platform } from './platform.ts';

/** Go's names for Node's `process.arch`. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
};

/** The platform of this machine. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: ARCHITECTURES[process.arch] ?? process.arch };
}

/**
 * The entry of an index that suits a platform: same system and architecture, and the best variant that the platform
 * can run. An entry that does not say is the last choice; attestations (`unknown/unknown`) never match. Undefined: none.
 */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const ranked = manifests.map((entry) => ({ entry, rank: rankOf(entry.platform, wanted) }));
  const fitting = ranked.filter(({ rank }) => rank >= 0).sort((one, other) => other.rank - one.rank);
  return fitting[0]?.entry;
}

/** Negative: cannot run there; else the higher the better. */
function rankOf(offered: Platform | undefined, wanted: Platform): number {
  if (offered === undefined) return 0;
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return -1;
  const [have, want] = [variantNumber(offered), variantNumber(wanted)];
  return have > want ? -1 : have;
}

/** arm is v7 and arm64 v8 unless stated; amd64's `v1` is the baseline. An unknown text matches as the baseline. */
function variantNumber({ architecture, variant }: Platform): number {
  const stated = /^v(\d)(?:\.\d)?$/.exec(variant ?? '')?.[1];
  if (stated !== undefined) return Number(stated);
  return { arm: 7, arm64: 8, amd64: 1 }[architecture] ?? 1;
}

/** `linux/arm64/v8` for people. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== undefined).join('/');
}
