import { StoreError } from '../errors.ts';
import { copyEntry } from './copy-entry.ts';
import { type BytePath, displayPath, type FileNode, type FileStat, type FileTree } from './file-tree.ts';
import { makeAll } from './make-all.ts';
import { isClean, join, nameOf, parentOf } from './path.ts';
import { resolvePath, type Steps } from './resolve.ts';
import { byPath } from './tree-entry.ts';
import type { Attributes, TreeWriter } from './tree-writer.ts';

/** A tree of its own that is seen at a place in another one, as a mount would show it. */
export interface MountedPart {
  /** Where, as it was asked for: symlinks of the tree on the way are followed inside it. */
  readonly target: BytePath;
  readonly tree: FileTree;
  /** What of `tree` is seen: a directory or a file; its root unless told. */
  readonly source?: BytePath;
  /** Undefined: it cannot be written to. */
  readonly writer?: () => TreeWriter;
}

interface Part {
  /** Resolved. */
  readonly at: BytePath;
  readonly source: BytePath;
  readonly tree: FileTree;
  readonly writer: (() => TreeWriter) | undefined;
}

/**
 * Trees put together without a mount: look-ups go from one into the other at the places where a mount would be, and
 * symlinks are followed through all of them, but never out of them.
 */
export class MountedTree implements FileTree {
  /** The innermost first. */
  #parts: readonly Part[];
  readonly #steps: Steps;

  /** Parts outermost first. */
  constructor(base: Omit<MountedPart, 'target' | 'source'>, parts: readonly MountedPart[]) {
    this.#steps = {
      typeOf: (directory, name) => this.#node(join(directory, name))?.stat.type,
      linkTarget: (directory, name) => this.readlink(this.#node(join(directory, name))!),
    };
    this.#parts = [{ at: '/', source: '/', tree: base.tree, writer: base.writer }];
    for (const { target, source = '/', tree, writer } of parts) {
      const part = { at: this.resolve(target), source, tree, writer };
      this.#parts = [part, ...this.#parts].sort((a, b) => b.at.length - a.at.length);
    }
  }

  lookup(path: BytePath, options: { readonly follow?: boolean } = {}): FileNode | undefined {
    if (path.includes('\0')) return undefined;
    const resolved = resolvePath(path, this.#steps, { follow: options.follow ?? false, keepMissing: false });
    return resolved === undefined ? undefined : this.#node(resolved);
  }

  /** The path with every symlink followed; what does not exist stays as it is. */
  resolve(path: BytePath): BytePath {
    return resolvePath(path, this.#steps, { follow: true, keepMissing: true })!;
  }

  children(directory: FileNode): readonly FileNode[] {
    const { part, inner } = this.#inner(directory);
    const found = new Map<BytePath, FileNode>();
    for (const child of part.tree.children(inner)) {
      const path = join(directory.path, nameOf(child.path));
      found.set(path, new MountedNode(path, child.stat, part, child));
    }
    for (const { at } of this.#parts) {
      const node = at !== '/' && parentOf(at) === directory.path ? this.#node(at) : undefined;
      if (node !== undefined) found.set(at, node);
    }
    return [...found.values()].sort(byPath);
  }

  readlink(symlink: FileNode): BytePath {
    const { part, inner } = this.#inner(symlink);
    return part.tree.readlink(inner);
  }

  open(file: FileNode): number {
    const { part, inner } = this.#inner(file);
    return part.tree.open(inner);
  }

  xattrs(node: FileNode, fd?: number): readonly (readonly [name: string, value: Buffer])[] {
    const { part, inner } = this.#inner(node);
    return part.tree.xattrs(inner, fd);
  }

  /** Which part a resolved path is in, and what it is called there. */
  partOf(path: BytePath): { readonly part: Part; readonly path: BytePath } {
    const part = this.#parts.find(({ at }) => at === '/' || path === at || path.startsWith(`${at}/`))!;
    const rest = part.at === '/' ? path : path.slice(part.at.length);
    return { part, path: part.source === '/' ? rest || '/' : `${part.source}${rest === '/' ? '' : rest}` };
  }

  #node(path: BytePath): FileNode | undefined {
    const { part, path: inside } = this.partOf(path);
    const node = part.tree.lookup(inside);
    return node && new MountedNode(path, node.stat, part, node);
  }

  #inner(node: FileNode): { readonly part: Part; readonly inner: FileNode } {
    if (node instanceof MountedNode) return node;
    const found = this.#node(node.path);
    if (found instanceof MountedNode) return found;
    const shown = displayPath(node.path);
    throw new StoreError('NOT_FOUND', shown, `Cannot read "${shown}": it is gone`);
  }
}

/** A node that remembers which part it is of. */
class MountedNode implements FileNode {
  constructor(
    readonly path: BytePath,
    readonly stat: FileStat,
    readonly part: Part,
    readonly inner: FileNode,
  ) {}
}

/** Writes into the trees of a {@link MountedTree}, each through its own writer. */
export class MountedWriter implements TreeWriter {
  readonly #writers = new Map<Part, TreeWriter>();

  constructor(readonly tree: MountedTree) {}

  resolve(path: BytePath): BytePath {
    return this.tree.resolve(path);
  }

  mkdirAll(path: BytePath, attributes: Attributes): boolean {
    return makeAll(this, path, attributes);
  }

  mkdir(path: BytePath, attributes: Attributes): void {
    const { writer, inside } = this.#at(path);
    writer.mkdir(inside, attributes);
  }

  file(
    path: BytePath,
    content: { readonly fd: number; readonly size: number } | Uint8Array,
    attributes: Attributes,
  ): void {
    const { writer, inside } = this.#at(path, 'replaced');
    writer.file(inside, content, attributes);
  }

  symlink(path: BytePath, target: BytePath, attributes: Attributes): void {
    const { writer, inside } = this.#at(path, 'replaced');
    writer.symlink(inside, target, attributes);
  }

  link(path: BytePath, existing: BytePath): void {
    const { writer, inside } = this.#at(path, 'replaced');
    const from = this.#at(existing);
    if (from.writer !== writer) throw refused(path, 'a hard link cannot lead into another mount');
    writer.link(inside, from.inside);
  }

  mknod(
    path: BytePath,
    node: { readonly type: 'char' | 'block' | 'fifo'; readonly major: number; readonly minor: number },
    attributes: Attributes,
  ): void {
    const { writer, inside } = this.#at(path, 'replaced');
    writer.mknod(inside, node, attributes);
  }

  setAttributes(path: BytePath, attributes: Partial<Attributes>): void {
    const { writer, inside } = this.#at(path);
    writer.setAttributes(inside, attributes);
  }

  remove(path: BytePath): void {
    const { writer, inside } = this.#at(path, 'replaced');
    writer.remove(inside);
  }

  copy(path: BytePath, from: FileTree, node: FileNode, attributes: Partial<Attributes>): void {
    copyEntry(this, path, from, node, attributes);
  }

  finish(): void {
    for (const writer of this.#writers.values()) writer.finish();
  }

  /** The writer of an entry, its parents resolved. `replaced`: what something is mounted on stays what it is. */
  #at(path: BytePath, use?: 'replaced'): { readonly writer: TreeWriter; readonly inside: BytePath } {
    const clean = isClean(path) ? path : this.resolve(path);
    const resolved = clean === '/' ? clean : join(this.resolve(parentOf(clean)), nameOf(clean));
    const { part, path: inside } = this.tree.partOf(resolved);
    if (use === 'replaced' && part.at === resolved) throw refused(path, 'something is mounted there');
    const writer = this.#writers.get(part) ?? part.writer?.();
    if (writer === undefined) throw refused(path, 'it is read-only');
    this.#writers.set(part, writer);
    return { writer, inside };
  }
}

function refused(path: BytePath, reason: string): StoreError {
  const shown = displayPath(path);
  return new StoreError('UNSUPPORTED', shown, `Cannot write "${shown}": ${reason}`);
}
