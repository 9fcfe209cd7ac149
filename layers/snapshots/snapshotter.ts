import type { DiffId } from '../oci/digest.ts';
import type { FileTree } from './file-tree.ts';
import type { OverlayRoot } from './mount.ts';
import type { TreeWriter } from './tree-writer.ts';
import type { WrittenState } from './written-state.ts';

export interface DiffInfo {
  readonly diffId: DiffId;
  /** Bytes of the layer tar. */
  readonly size: number;
  /** When the layer came into the store, RFC 3339; undefined before it did. */
  readonly createdAt?: string;
}

/** One set of filesystem changes, unpacked in the store in the form of an overlayfs upper directory. */
export interface Layer {
  /** Resolves once the layer's tar has been hashed; until then the layer can already be stacked and mounted. */
  readonly diff: Promise<DiffInfo>;
  /** Absolute path of its directory at this moment. It may change when `diff` resolves: ask right before use. */
  directory(): string;
}

/** A private writable state on top of `parents`. Vanishes with its process unless committed. */
export interface ActiveSnapshot {
  readonly parents: readonly Layer[];
  /** What a process that should see and change it mounts. Call right before mounting. */
  root(): OverlayRoot;
  /** The merged state, for reading. */
  tree(): FileTree;
  /** Writes without any mount; see {@link TreeWriter}. */
  writer(): TreeWriter;
  /**
   * Turns the upper directory into a layer, at once; hashing and publication run behind `diff`.
   * `ignore` names stubs of mounts (absolute paths), their parents too where those were made as well: each is left out
   * if no parent has it and it is still empty. No process may use the snapshot any more.
   * `newestNs` (nanoseconds since 1970): nothing in the layer gets a later time.
   */
  commit(options?: { readonly ignore?: readonly string[]; readonly newestNs?: bigint }): Layer;
  /** Throws it away. Idempotent, also after commit. */
  abort(): void;
}

/** Filesystem states as stacks of layers, bottom first. */
export interface Snapshotter {
  /** A layer that is in the store, leased until the store is closed; undefined when it is not there. */
  layer(diffId: DiffId): (Layer & { readonly info: DiffInfo }) | undefined;
  prepare(parents: readonly Layer[]): ActiveSnapshot;
  /** The same files with no time after `newestNs`: the layer itself, or a new one. */
  notNewerThan(layer: Layer, newestNs: bigint): Promise<Layer>;
  /** The merged state of a stack, for reading. */
  view(layers: readonly Layer[]): FileTree;
  /** The state of a stack with an upper directory of the caller's own on top. */
  written(parents: readonly Layer[], upper: string): WrittenState;
  /** Every layer in the store with its disk use in bytes, for listings and gc. */
  list(): Iterable<DiffInfo & { readonly directory: string; readonly disk: number }>;
}
