import type { Room, WrittenStat } from '../diff/step-batch.ts';
import { StoreError } from '../errors.ts';
import * as inode from '../linux/inode.ts';
import { applyToEntry } from './apply-attributes.ts';
import { copyContent, readSmall, writeAll, writeContent } from './copy-content.ts';
import { copyEntry } from './copy-entry.ts';
import { type BytePath, displayPath, type FileNode, type FileTree } from './file-tree.ts';
import type { GrownFile, Growth, LayerHashers } from './growth.ts';
import type { LayerStack } from './layer-stack.ts';
import { makeAll } from './make-all.ts';
import { MergedTree } from './merged-tree.ts';
import { complete, type NewFile } from './new-file.ts';
import { components, isClean, join, nameOf, parentOf } from './path.ts';
import type { Attributes, TreeWriter } from './tree-writer.ts';
import { unwritable } from './unwritable.ts';
import type { UpperDirectory } from './upper-directory.ts';
import { refusal, UpperEditor } from './upper-editor.ts';

type Content = Parameters<TreeWriter['file']>[1];

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

  file(path: BytePath, content: Content, attributes: Attributes): void {
    this.#change(path, (parent, name) => {
      const size = content instanceof Uint8Array ? content.length : content.size;
      this.#editor.enter(parent);
      this.growth.file(
        parent,
        name,
        size,
        (room, mayWait) =>
          (mayWait && this.#leave(parent, name, content, attributes, room!)) ||
          this.#write(parent, name, content, attributes, room),
      );
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

  /** Only puts a file's content into the room, if whoever writes it then needs to know no more of it. */
  #leave(
    parent: BytePath,
    name: BytePath,
    content: Content,
    attributes: Attributes,
    room: Room,
  ): GrownFile | undefined {
    const { mode, uid, gid, mtimeNs, xattrs = [] } = attributes;
    if (mtimeNs === undefined || xattrs.length > 0) return undefined;
    const made = this.#editor.foretell(parent, name, mode);
    return made === undefined
      ? undefined
      : { stat: { mode, uid, gid, mtimeNs, size: read(content, room) }, made };
  }

  #write(
    parent: BytePath,
    name: BytePath,
    content: Content,
    attributes: Attributes,
    room: Room | undefined,
  ): GrownFile | undefined {
    const file = this.#editor.createFile(parent, name, attributes.mode);
    try {
      const stat = fill(file, content, attributes, room);
      return stat && { stat };
    } finally {
      inode.close(file.fd);
    }
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
  file: NewFile,
  content: Content,
  attributes: Attributes,
  room: Room | undefined,
): WrittenStat | undefined {
  return complete(file, attributes, writeInto(file.fd, content, room));
}

/** How much was written, if it is in the room now. */
function writeInto(fd: number, content: Content, room: Room | undefined): number | undefined {
  if (room !== undefined) {
    const size = read(content, room);
    writeAll(fd, room.address, size);
    return size;
  }
  if (content instanceof Uint8Array) writeContent(fd, content);
  else copyContent(content.fd, fd, content.size);
  return undefined;
}

/** Puts what a file is to hold into the room. Answers with how much it is. */
function read(content: Content, room: Room): number {
  if (!(content instanceof Uint8Array)) return readSmall(content.fd, content.size, room);
  room.bytes.set(content, room.offset);
  return content.length;
}
