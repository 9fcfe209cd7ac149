import type { Room, WrittenStat } from '../diff/step-batch.ts';
import { StoreError } from '../errors.ts';
import { SystemCallError } from '../linux/errno.ts';
import * as inode from '../linux/inode.ts';
import { applyToEntry, applyToFd } from './apply-attributes.ts';
import { copyContent, copySmall, writeContent, writeSmall } from './copy-content.ts';
import { copyEntry } from './copy-entry.ts';
import { type BytePath, displayPath, type FileNode, type FileTree } from './file-tree.ts';
import type { Growth, LayerHashers } from './growth.ts';
import type { LayerStack } from './layer-stack.ts';
import { makeAll } from './make-all.ts';
import { MergedTree } from './merged-tree.ts';
import { components, isClean, join, nameOf, parentOf } from './path.ts';
import type { Attributes, TreeWriter } from './tree-writer.ts';
import type { UpperDirectory } from './upper-directory.ts';
import { type NewFile, refusal, UpperEditor } from './upper-editor.ts';

/**
 * Writes into an upper directory what a process would have left there through a mounted overlay. Nobody else may write
 * into it meanwhile. Each step goes from the descriptor of a directory to one name in it and never through a symlink:
 * links are resolved before, name by name in the merged view. In here `parent` is always a resolved path.
 */
export class UpperWriter implements TreeWriter {
  readonly tree: MergedTree;
  readonly #editor: UpperEditor;
  /** The directory last written into, as asked for and resolved, which holds until something on the way is removed. */
  #recent = { asked: '', resolved: '', removals: -1 };

  /** Without `hashers` nobody wants to know the layer's hash. */
  constructor(lower: LayerStack, upper: UpperDirectory, hashers?: LayerHashers) {
    this.tree = new MergedTree(lower, upper, true);
    this.#editor = new UpperEditor(lower, upper, hashers);
  }

  get growth(): Growth {
    return this.#editor.growth;
  }

  resolve(path: BytePath): BytePath {
    return this.tree.resolve(path);
  }

  mkdirAll(path: BytePath, attributes: Attributes): boolean {
    return makeAll(this, path, attributes);
  }

  mkdir(path: BytePath, attributes: Attributes): void {
    this.#change(path, (parent, name) => {
      const level = name === '' ? this.#editor.level('/') : this.#editor.makeDirectory(parent, name);
      this.#editor.changeDirectory(join(parent, name), level, attributes);
    });
  }

  file(
    path: BytePath,
    content: { readonly fd: number; readonly size: number } | Uint8Array,
    attributes: Attributes,
  ): void {
    this.#change(path, (parent, name) => {
      const file = this.#editor.createFile(parent, name, attributes.mode);
      const size = content instanceof Uint8Array ? content.length : content.size;
      try {
        this.growth.file(parent, name, size, (room) => fill(file, content, attributes, room));
      } finally {
        inode.close(file.fd);
      }
    });
  }

  symlink(path: BytePath, target: BytePath, attributes: Attributes): void {
    this.#change(path, (parent, name) => {
      const { fd } = this.#editor.makeRoom(parent, name);
      inode.symlinkAt(target, fd, name);
      applyToEntry(fd, name, { type: 'symlink', ...attributes }, attributes);
      this.growth.entry(parent, name);
    });
  }

  link(path: BytePath, existing: BytePath): void {
    this.#change(path, (parent, name) => {
      // The first name may have been told of as the only one.
      this.growth.spoil();
      const source = this.#locate(existing);
      if (source.parent === parent && source.name === name) return;
      if (this.#editor.copyUp(source.parent, source.name) !== undefined)
        throw new StoreError(
          'IS_A_DIRECTORY',
          displayPath(path),
          `Cannot link to "${displayPath(existing)}": it is a directory`,
        );
      const { fd } = this.#editor.makeRoom(parent, name);
      inode.linkAt(this.#editor.level(source.parent).fd, source.name, fd, name);
    });
  }

  mknod(
    path: BytePath,
    node: { readonly type: 'char' | 'block' | 'fifo'; readonly major: number; readonly minor: number },
    attributes: Attributes,
  ): void {
    this.#change(path, (parent, name) => {
      if (node.type === 'char' && node.major === 0 && node.minor === 0)
        throw refusal(
          'UNSUPPORTED',
          path,
          'a character device 0:0 stands for a deleted file and cannot be stored',
        );
      const { fd } = this.#editor.makeRoom(parent, name);
      inode.makeNodeAt(fd, name, node.type, 0o600, node.major, node.minor);
      applyToEntry(fd, name, { ...attributes, type: node.type }, attributes);
      this.growth.entry(parent, name);
    });
  }

  setAttributes(path: BytePath, attributes: Partial<Attributes>): void {
    this.#change(path, (parent, name) => {
      const directory = this.#editor.copyUp(parent, name);
      if (directory !== undefined) {
        this.#editor.changeDirectory(join(parent, name), directory, attributes);
        return;
      }
      const { fd } = this.#editor.level(parent);
      this.growth.spoil();
      applyToEntry(fd, name, inode.statAt(fd, name)!, attributes);
    });
  }

  remove(path: BytePath): void {
    if (this.tree.lookup(path) === undefined) return;
    this.#change(path, (parent, name) => this.#editor.remove(parent, name));
  }

  copy(path: BytePath, from: FileTree, node: FileNode, attributes: Partial<Attributes>): void {
    copyEntry(this, path, from, node, attributes);
  }

  finish(): void {
    this.#editor.finish();
    this.tree.close();
  }

  /** Runs one change of the entry a path names. What it throws names the path. */
  #change(path: BytePath, body: (parent: BytePath, name: BytePath) => void): void {
    try {
      this.#editor.use();
      const { parent, name } = this.#locate(path);
      body(parent, name);
    } catch (error) {
      this.growth.spoil();
      throw unwritable(path, error);
    }
  }

  /** The directory of an entry, resolved, and its name in it; empty for the root. */
  #locate(path: BytePath): { readonly parent: BytePath; readonly name: BytePath } {
    if (path.includes('\0')) throw refusal('UNSUPPORTED', path, 'its name contains a NUL');
    if (!isClean(path)) return this.#locateUnclean(path);
    const asked = parentOf(path);
    const { removals } = this.#editor;
    if (this.#recent.asked !== asked || this.#recent.removals !== removals)
      this.#recent = { asked, resolved: this.tree.resolve(asked), removals };
    return { parent: this.#recent.resolved, name: nameOf(path) };
  }

  #locateUnclean(path: BytePath): { readonly parent: BytePath; readonly name: BytePath } {
    const names = components(path);
    if (names.at(-1) === '..') return this.#locate(this.tree.resolve(path));
    if (!names.includes('..')) return this.#locate(`/${names.join('/')}`);
    const name = names.pop()!;
    return { parent: this.tree.resolve(names.join('/')), name };
  }
}

/** Writes a new file. Answers with its metadata when its content is in the room, and that is all there is to tell. */
function fill(
  { fd, now, isBare }: NewFile,
  content: Parameters<TreeWriter['file']>[1],
  attributes: Attributes,
  room: Room | undefined,
): WrittenStat | undefined {
  const size = writeInto(fd, content, room);
  const { mtimeNs, xattrs = [] } = attributes;
  applyToFd(fd, attributes, now);
  if (mtimeNs === undefined) return undefined;
  inode.setTimesFd(fd, mtimeNs);
  if (size === undefined || !isBare || xattrs.length > 0) return undefined;
  const stat = { ...attributes, mtimeNs, size };
  return inode.isPlainFile(fd, stat) ? stat : undefined;
}

/** How much was written, if it is in the room now. */
function writeInto(
  fd: number,
  content: Parameters<TreeWriter['file']>[1],
  room: Room | undefined,
): number | undefined {
  const isBytes = content instanceof Uint8Array;
  if (room !== undefined)
    return isBytes ? writeSmall(fd, content, room) : copySmall(content.fd, fd, content.size, room);
  if (isBytes) writeContent(fd, content);
  else copyContent(content.fd, fd, content.size);
  return undefined;
}

function unwritable(path: BytePath, cause: unknown): unknown {
  if (!(cause instanceof SystemCallError)) return cause;
  const shown = displayPath(path);
  return new StoreError('SYSTEM', shown, `Cannot write "${shown}": ${cause.message}`, { cause });
}
