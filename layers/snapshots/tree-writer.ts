import type { BytePath, FileNode, FileTree } from './file-tree.ts';

/** What to give a new entry. Times are nanoseconds since 1970. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs?: bigint;
  readonly xattrs?: readonly (readonly [name: string, value: Buffer])[];
}

/**
 * Changes a snapshot by writing into its upper directory, by file descriptor and without a mount. Paths are
 * absolute in the snapshot; symlinks in parents (all of them, for `resolve`) resolve inside it, as chroot(2) would.
 * Parents that exist only in lower layers are copied up with their metadata, as overlayfs does.
 */
export interface TreeWriter {
  /** The merged state as it is now, the changes included. */
  readonly tree: FileTree;
  /** The path after following every symlink inside the tree; components that do not exist yet stay as they are. */
  resolve(path: BytePath): BytePath;
  /** Makes the directory and its missing parents. Existing ones are left as they are. Returns whether the last one is new. Throws `NOT_A_DIRECTORY`. */
  mkdirAll(path: BytePath, attributes: Attributes): boolean;
  /** Makes or changes one directory (its parent exists). Throws `NOT_A_DIRECTORY` when a non-directory is there. */
  mkdir(path: BytePath, attributes: Attributes): void;
  /** Writes a regular file with what the source descriptor holds from its start, or the bytes; replaces a non-directory. Throws `IS_A_DIRECTORY`. */
  file(
    path: BytePath,
    content: { readonly fd: number; readonly size: number } | Uint8Array,
    attributes: Attributes,
  ): void;
  symlink(path: BytePath, target: BytePath, attributes: Attributes): void;
  /** Hard link to an entry written by this writer. */
  link(path: BytePath, existing: BytePath): void;
  mknod(
    path: BytePath,
    node: { readonly type: 'char' | 'block' | 'fifo'; readonly major: number; readonly minor: number },
    attributes: Attributes,
  ): void;
  /** Changes metadata of an existing entry, copying it up when needed. */
  setAttributes(path: BytePath, attributes: Partial<Attributes>): void;
  /** Removes an entry with all below it; a whiteout is left where a lower layer has one. Absent: nothing. */
  remove(path: BytePath): void;
  /** Copies one entry (not its children) of another tree, with the attributes given laid over its own. */
  copy(path: BytePath, from: FileTree, node: FileNode, attributes: Partial<Attributes>): void;
  /** Sets the times of directories that were written into; to be called once at the end. */
  finish(): void;
}
