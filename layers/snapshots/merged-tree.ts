import { StoreError } from '../errors.ts';
import * as inode from '../linux/inode.ts';
import { type BytePath, displayPath, type FileNode, type FileStat, type FileTree } from './file-tree.ts';
import type { Found, LayerStack, Level } from './layer-stack.ts';
import { isWhiteout } from './overlay-marks.ts';
import { isClean, join, nameOf, parentOf } from './path.ts';
import { resolvePath, type Steps } from './resolve.ts';
import { byPath, checkIsNode, readXattrs, readXattrsFd, unreadable } from './tree-entry.ts';
import type { UpperDirectory, UpperLevel } from './upper-directory.ts';

/** A stack of layers as overlayfs would show it, with or without an upper directory on top. Holds descriptors until closed. */
export class MergedTree implements FileTree {
  readonly #lower: LayerStack;
  readonly #upper: UpperDirectory | undefined;
  readonly #isExclusive: boolean;
  readonly #steps: Steps;

  /** `isExclusive`: whoever writes into the upper directory does so through the same {@link UpperDirectory}. */
  constructor(lower: LayerStack, upper?: UpperDirectory, isExclusive = false) {
    this.#lower = lower;
    this.#upper = upper;
    this.#isExclusive = isExclusive;
    this.#steps = {
      typeOf: (directory, name) => this.#find(directory, name)?.stat.type,
      linkTarget: (directory, name) => inode.readLinkAt(this.#find(directory, name)!.level.fd, name),
    };
  }

  lookup(path: BytePath, options: { readonly follow?: boolean } = {}): FileNode | undefined {
    if (path.includes('\0')) return undefined;
    this.#begin();
    const follow = options.follow ?? false;
    try {
      if (isClean(path)) {
        const node = this.#node(path);
        if (node !== undefined && !(follow && node.stat.type === 'symlink')) return node;
      }
      const resolved = resolvePath(path, this.#steps, { follow, keepMissing: false });
      return resolved === undefined ? undefined : this.#node(resolved);
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** The path with every symlink followed inside the tree; what does not exist stays as it is. */
  resolve(path: BytePath): BytePath {
    this.#begin();
    try {
      return resolvePath(path, this.#steps, { follow: true, keepMissing: true })!;
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  children(directory: FileNode): readonly FileNode[] {
    this.#begin();
    try {
      return this.#children(directory.path).sort(byPath);
    } catch (error) {
      throw unreadable(directory.path, error);
    }
  }

  readlink(symlink: FileNode): BytePath {
    return this.#within(symlink, inode.readLinkAt);
  }

  open(file: FileNode): number {
    const flags = inode.O.RDONLY | inode.O.NONBLOCK;
    return checkIsNode(
      this.#within(file, (fd, name) => inode.openAt(fd, name, flags)),
      file,
    );
  }

  xattrs(node: FileNode, fd?: number): readonly (readonly [name: string, value: Buffer])[] {
    if (fd !== undefined) return readXattrsFd(fd);
    return node.stat === EMPTY_ROOT ? [] : this.#within(node, readXattrs);
  }

  /** Closes the descriptors; using the tree again opens them again. */
  close(): void {
    this.#lower.forget();
    this.#upper?.forget();
  }

  /** Before any descriptor is taken: others may be closed, and nothing is known of an upper directory that others write. */
  #begin(): void {
    this.#lower.use();
    if (!this.#isExclusive) this.#upper?.forget();
    this.#upper?.use();
  }

  /** What makes up a directory, by its resolved path. */
  #at(path: BytePath): MergedDirectory | undefined {
    const upper = this.#upper?.directory(path) ?? 'absent';
    if (upper === 'hidden') return undefined;
    if (upper === 'absent') {
      const lower = this.#lower.directory(path);
      return lower.length === 0 ? undefined : { upper: undefined, lower };
    }
    return { upper, lower: upper.hidesLower ? [] : this.#lower.directory(path) };
  }

  #find(directory: BytePath, name: BytePath): Found | undefined {
    const at = this.#at(directory);
    if (at?.upper !== undefined) {
      this.#upper!.look(directory, name);
      const stat = inode.statAt(at.upper.fd, name);
      if (stat !== undefined) return isWhiteout(stat) ? undefined : { stat, level: at.upper };
    }
    return at && this.#lower.find(at.lower, name);
  }

  /** lstat of a path that must have no symlink in any parent. */
  #node(path: BytePath): FileNode | undefined {
    if (path === '/') return { path, stat: this.#rootStat() };
    const found = this.#find(parentOf(path), nameOf(path));
    return found && new MergedNode(path, found.stat, found.level.layer);
  }

  #rootStat(): FileStat {
    const at = this.#at('/');
    return at === undefined ? EMPTY_ROOT : inode.statFd(levelsOf(at)[0]!.fd);
  }

  #children(path: BytePath): FileNode[] {
    const at = this.#at(path);
    if (at === undefined) {
      if (path === '/') return [];
      throw new StoreError('NOT_A_DIRECTORY', displayPath(path), `"${displayPath(path)}" is not a directory`);
    }
    if (at.upper !== undefined) this.#upper!.look(path);
    const nodes: FileNode[] = [];
    const seen = new Set<BytePath>();
    for (const level of levelsOf(at)) {
      for (const name of namesIn(level)) {
        if (seen.has(name)) continue;
        seen.add(name);
        const stat = inode.statAt(level.fd, name);
        if (stat === undefined || this.#lower.isGone(level, name, stat)) continue;
        nodes.push(new MergedNode(join(path, name), stat, level.layer));
      }
    }
    return nodes;
  }

  /** Runs `body` on an entry of the layer directory it was found in; on the root itself with an empty name. */
  #within<T>(node: FileNode, body: (directory: number, name: BytePath) => T): T {
    this.#begin();
    const { path } = node;
    try {
      const level = this.#levelOf(node);
      if (level !== undefined) return body(level.fd, nameOf(path));
    } catch (error) {
      throw unreadable(path, error);
    }
    throw new StoreError('NOT_FOUND', displayPath(path), `Cannot read "${displayPath(path)}": it is gone`);
  }

  #levelOf(node: FileNode): Level | undefined {
    const directory = parentOf(node.path);
    if (node.path === '/') {
      const at = this.#at('/');
      return at && levelsOf(at)[0];
    }
    if (node instanceof MergedNode) {
      const at = this.#at(directory);
      return at && levelsOf(at).find(({ layer }) => layer === node.layer);
    }
    return this.#find(directory, nameOf(node.path))?.level;
  }
}

interface MergedDirectory {
  readonly upper: UpperLevel | undefined;
  readonly lower: readonly Level[];
}

/** Topmost first. */
function levelsOf({ upper, lower }: MergedDirectory): readonly Level[] {
  return upper === undefined ? lower : [upper, ...lower];
}

function namesIn(level: Level): BytePath[] {
  // A descriptor of its own, since the position in a directory belongs to the descriptor.
  const fd = inode.openAt(level.fd, '.', inode.O.RDONLY | inode.O.DIRECTORY);
  try {
    return inode.readDirectory(fd).map(({ name }) => name);
  } finally {
    inode.close(fd);
  }
}

/** A node that remembers which layer it was found in. */
class MergedNode implements FileNode {
  readonly path: BytePath;
  readonly stat: FileStat;
  readonly layer: number;

  constructor(path: BytePath, stat: FileStat, layer: number) {
    this.path = path;
    this.stat = stat;
    this.layer = layer;
  }
}

/** The root of no layers at all. */
const EMPTY_ROOT: FileStat = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeNs: 0n,
  ctimeNs: 0n,
  dev: 0n,
  ino: 0n,
  nlink: 2,
  rdevMajor: 0,
  rdevMinor: 0,
};
