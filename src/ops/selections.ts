import type { RecordStore } from '../../layers/index.ts';

/** Records of what was selected from immutable layers, by the layers and the selection: reading it again is needless. */
const DIGEST_SPACE = 'digest';

/** Digests of files in immutable layers, by what they were selected from and how. */
export interface Selections {
  /** One hex sha256 for each source of the selection. */
  recall(key: string): readonly string[] | undefined;
  learn(key: string, digests: readonly string[]): void;
}

/**
 * Those that the store remembers. `elsewhere` is asked after it, and what that says is not kept; `told` is told of each
 * that counts in this build.
 */
export function storedSelections(
  records: RecordStore,
  elsewhere?: (key: string) => readonly string[] | undefined,
  told?: (key: string, digests: readonly string[]) => void,
): Selections {
  return {
    recall(key) {
      const own = records.get(DIGEST_SPACE, key)?.value;
      const digests = isDigests(own) ? own : elsewhere?.(key);
      if (digests !== undefined) told?.(key, digests);
      return digests;
    },
    learn(key, digests) {
      records.set(DIGEST_SPACE, key, { value: digests });
      told?.(key, digests);
    },
  };
}

function isDigests(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
