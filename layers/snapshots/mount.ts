/** A mount as data, in the OCI runtime spec's shape (config.md, "Mounts"); whoever starts the process mounts it. */
export interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** The root filesystem of a process as data: layer directories bottom first, and where writes go. */
export interface OverlayRoot {
  /** Bottom first, absolute. Empty: the upper directory alone. */
  readonly lower: readonly string[];
  /** Absolute; undefined makes the root read-only. */
  readonly upper?: string;
  readonly work?: string;
  /** No sync at unmount: for what is thrown away or hashed afterwards. */
  readonly volatile?: boolean;
}
