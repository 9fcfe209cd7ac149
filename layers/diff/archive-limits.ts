/** What one archive may cost whoever reads it; past any of these reading stops with `LIMIT_EXCEEDED`. */
export interface ArchiveLimits {
  /** Entries. */
  readonly entries: number;
  /** Bytes of the archive, and apart from that the sum of its files' sizes with holes counted in full. */
  readonly bytes: number;
  /** Bytes of one path or link target. PATH_MAX is 4096 with the NUL, so nothing longer could be used. */
  readonly pathBytes: number;
  /** Bytes of what describes one entry: its extended header, long names and sparse map, each. */
  readonly headerBytes: number;
}

export const defaultLimits: ArchiveLimits = {
  entries: 10_000_000,
  bytes: 2 ** 40,
  pathBytes: 4095,
  headerBytes: 2 ** 20,
};
