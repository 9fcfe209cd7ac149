/**
 * A path or name as bytes, one char per byte (latin1), since names in layers need not be UTF-8.
 * Absolute paths start with `/`; `bytePath('/größe')` makes one from text.
 */
export type BytePath = string & { readonly __bytes?: never };

/** Text → bytes-as-latin1. */
export function bytePath(text: string): BytePath {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Bytes-as-latin1 → text for people (invalid UTF-8 becomes U+FFFD). */
export function displayPath(path: BytePath): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

export type FileType = 'file' | 'directory' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket';

/** lstat(2) of an entry. */
export interface FileStat {
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; 0 unless a file. */
  readonly size: number;
  /** Nanoseconds since 1970, may be negative. */
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly nlink: number;
  /** Device numbers of a char or block device. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

/** An entry of a {@link FileTree}: where it was found and what it is. */
export interface FileNode {
  /** Absolute in the tree, cleaned, no symlink in any parent. `/` is the root. */
  readonly path: BytePath;
  readonly stat: FileStat;
}

/**
 * Read-only look at a tree of files: a build context, or a stack of layers as overlayfs would show it. Every
 * look-up is confined to the tree (absolute and `..` symlinks resolve inside it) and walks by file descriptor,
 * so nothing in the tree can name a file outside of it. Synchronous: the calls are shorter than a thread hop.
 */
export interface FileTree {
  /** Follows symlinks in parents, and in the last component when `follow`. Undefined when there is no such entry. Throws `SYSTEM` (ELOOP) for a loop. */
  lookup(path: BytePath, options?: { readonly follow?: boolean }): FileNode | undefined;
  /** Direct children, sorted bytewise by name. The node must be a directory. */
  children(directory: FileNode): readonly FileNode[];
  readlink(symlink: FileNode): BytePath;
  /** Opens a regular file O_RDONLY and checks that it is still the node's inode; the caller closes the descriptor. */
  open(file: FileNode): number;
  /**
   * Extended attributes that belong to the file, overlayfs's own left out; sorted by name. `fd` is the node's own
   * descriptor, if `open` gave one: then it need not be looked up again.
   */
  xattrs(node: FileNode, fd?: number): readonly (readonly [name: string, value: Buffer])[];
}
