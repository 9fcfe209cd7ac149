import { StoreError, type StoreErrorCode } from '../errors.ts';
import { openBeneath } from '../linux/beneath.ts';
import * as inode from '../linux/inode.ts';
import { removeTreeAt } from '../linux/remove-tree.ts';
import { applyToFd } from './apply-attributes.ts';
import { copyUpDirectory, copyUpEntry } from './copy-up.ts';
import { type BytePath, displayPath, type FileStat } from './file-tree.ts';
import { Growth, type LayerHashers } from './growth.ts';
import type { Found, LayerStack } from './layer-stack.ts';
import { createInstead, type NewFile, tryCreate } from './new-file.ts';
import { NewFiles } from './new-files.ts';
import { isWhiteout, makeOpaque, makeWhiteout } from './overlay-marks.ts';
import { join, nameOf, parentOf } from './path.ts';
import type { Attributes } from './tree-writer.ts';
import type { UpperDirectory, UpperLevel } from './upper-directory.ts';

const { O } = inode;

/**
 * The single steps by which an upper directory is changed on top of lower layers: what to copy up before, which marks
 * to leave, which times to keep. Entries are named by their directory, a path without symlinks, and their name in it;
 * no name, in `/`, is the root.
 */
export class UpperEditor {
  readonly #lower: LayerStack;
  readonly #upper: UpperDirectory;
  readonly #newFiles = new NewFiles();
  /** Modification times that directories get at the end. */
  readonly #times = new Map<BytePath, bigint>();
  #removals = 0;
  /** Is told of all that changes. */
  readonly growth: Growth;

  constructor(lower: LayerStack, upper: UpperDirectory, hashers: LayerHashers | undefined) {
    this.#lower = lower;
    this.#upper = upper;
    this.growth = new Growth({ timeOf: (directory) => this.#times.get(directory), hashers });
    this.#upper.look = (directory, name) => this.growth.look(directory, name);
  }

  /** The start of each operation; see {@link DescriptorPool.use}. */
  use(): void {
    this.#upper.use();
  }

  /** Counts removals of symlinks and directories, after which a path may lead elsewhere. */
  get removals(): number {
    return this.#removals;
  }

  /** A directory in the upper layer, copied up with all above it when only lower layers have it. */
  level(path: BytePath): UpperLevel {
    const level = this.#upper.directory(path);
    if (typeof level === 'object') return level;
    const source = level === 'absent' ? this.#lower.directory(path)[0] : undefined;
    if (source === undefined) throw this.#notADirectory(path);
    const parent = this.level(parentOf(path));
    this.#touch(parentOf(path), parent);
    const fd = copyUpDirectory(source.fd, parent.fd, nameOf(path));
    this.#times.set(path, inode.statFd(source.fd).mtimeNs);
    this.growth.directory(parentOf(path), nameOf(path));
    return this.#upper.remember(path, fd, false);
  }

  #notADirectory(path: BytePath): StoreError {
    const parent = this.#upper.directory(parentOf(path));
    const stat = typeof parent === 'object' ? this.#above(parentOf(path), nameOf(path), parent) : undefined;
    const isThere =
      stat === undefined
        ? this.#lower.find(this.#lower.directory(parentOf(path)), nameOf(path)) !== undefined
        : !isWhiteout(stat);
    return isThere
      ? refusal('NOT_A_DIRECTORY', path, 'it is not a directory')
      : refusal('NOT_FOUND', path, 'there is no such directory');
  }

  /** Notes the time of a directory before something in it changes. */
  #touch(path: BytePath, { fd }: UpperLevel): void {
    if (!this.#times.has(path)) this.#times.set(path, inode.statFd(fd).mtimeNs);
  }

  /** What the upper layer has at a name. */
  #above(parent: BytePath, name: BytePath, { fd }: UpperLevel): FileStat | undefined {
    this.growth.look(parent, name);
    return inode.statAt(fd, name);
  }

  /** What lower layers have at a name, whether or not the upper one hides it. */
  #below(parent: BytePath, name: BytePath, level: UpperLevel): Found | undefined {
    return level.hidesLower ? undefined : this.#lower.find(this.#lower.directory(parent), name);
  }

  makeDirectory(parent: BytePath, name: BytePath): UpperLevel {
    const path = join(parent, name);
    const level = this.level(parent);
    const stat = this.#above(parent, name, level);
    const below = this.#below(parent, name, level);
    const isDeleted = stat !== undefined && isWhiteout(stat);
    const type = isDeleted ? undefined : (stat ?? below?.stat)?.type;
    if (type === 'directory') return this.level(path);
    if (type !== undefined) throw refusal('NOT_A_DIRECTORY', path, `a ${type} is there`);
    this.#touch(parent, level);
    if (isDeleted) inode.unlinkAt(level.fd, name);
    inode.makeDirectoryAt(level.fd, name, 0o700);
    const fd = inode.openAt(level.fd, name, O.RDONLY | O.DIRECTORY);
    const made = this.#upper.remember(path, fd, true);
    // For what was no directory too, as overlayfs has it: the layer then says by itself that something was replaced.
    if (below !== undefined) makeOpaque(fd, this.#upper.space);
    this.growth.directory(parent, name);
    return made;
  }

  changeDirectory(path: BytePath, level: UpperLevel, attributes: Partial<Attributes>): void {
    this.#touch(path, level);
    this.growth.change(path);
    this.#newFiles.forget(path);
    const { mode, uid, gid } = inode.statFd(level.fd);
    applyToFd(level.fd, { mode, uid, gid, ...attributes });
    if (attributes.mtimeNs === undefined) return;
    // Filesystems differ in which times they can hold; what this one makes of it is what the layer has.
    inode.setTimesFd(level.fd, attributes.mtimeNs);
    this.#times.set(path, inode.statFd(level.fd).mtimeNs);
  }

  /** A directory of the upper layer in which something is about to be made. */
  enter(parent: BytePath): UpperLevel {
    const level = this.level(parent);
    this.#touch(parent, level);
    return level;
  }

  /**
   * The mode that a new file will have when it is made; undefined unless it is known that nothing but a file can be in
   * its place, that it will belong to this process, and that it will have no extended attributes.
   */
  foretell(parent: BytePath, name: BytePath, mode: number): number | undefined {
    if (name === '') return undefined;
    const level = this.enter(parent);
    const now = this.#newFiles.in(parent, level.fd, mode);
    if (now === undefined || !this.#newFiles.areKnownBare) return undefined;
    const type = this.#below(parent, name, level)?.stat.type;
    return type === 'directory' || type === 'symlink' ? undefined : now.mode;
  }

  /**
   * A new file, open for writing, in place of whatever but a directory is there. To be called by `growth.file`, after
   * which nothing is still to be written under its name.
   */
  createFile(parent: BytePath, name: BytePath, mode: number): NewFile {
    const level = this.enter(parent);
    const now = this.#newFiles.in(parent, level.fd, mode);
    // Mostly there is nothing, and then this is one call.
    const fd = name === '' ? -1 : tryCreate(level.fd, name, mode);
    if (fd < 0) return this.#newFile(createInstead(this.#replace(parent, name).fd, name, mode), now);
    const below = this.#below(parent, name, level);
    if (below?.stat.type === 'symlink') this.#removals++;
    if (below?.stat.type !== 'directory') return this.#newFile(fd, now);
    inode.close(fd);
    inode.unlinkAt(level.fd, name);
    throw isADirectory(join(parent, name));
  }

  #newFile(fd: number, now: NewFile['now']): NewFile {
    return { fd, now, isBare: now !== undefined && this.#newFiles.areBare(fd) };
  }

  /** Frees a name for something that is no directory. */
  makeRoom(parent: BytePath, name: BytePath): UpperLevel {
    this.growth.look(parent, name);
    return this.#replace(parent, name);
  }

  #replace(parent: BytePath, name: BytePath): UpperLevel {
    if (name === '') throw isADirectory('/');
    const level = this.enter(parent);
    const stat = inode.statAt(level.fd, name);
    const type = stat?.type ?? this.#below(parent, name, level)?.stat.type;
    if (type === 'directory') throw isADirectory(join(parent, name));
    if (type === 'symlink') this.#removals++;
    if (stat !== undefined) inode.unlinkAt(level.fd, name);
    return level;
  }

  /** Sees to it that an existing entry is in the upper layer; answers with it when it is a directory. */
  copyUp(parent: BytePath, name: BytePath): UpperLevel | undefined {
    if (name === '') return this.level('/');
    const path = join(parent, name);
    const level = this.level(parent);
    const stat = this.#above(parent, name, level);
    if (stat !== undefined && !isWhiteout(stat))
      return stat.type === 'directory' ? this.level(path) : undefined;
    const below = stat === undefined ? this.#below(parent, name, level) : undefined;
    if (below === undefined) throw refusal('NOT_FOUND', path, 'there is no such file');
    if (below.stat.type === 'directory') return this.level(path);
    this.#touch(parent, level);
    this.growth.spoil();
    copyUpEntry(below.level.fd, level.fd, name, below.stat);
    return undefined;
  }

  /** Removes what is at the name, and hides what lower layers have there. */
  remove(parent: BytePath, name: BytePath): void {
    this.growth.spoil();
    if (name === '') throw refusal('UNSUPPORTED', '/', 'the root cannot be removed');
    const level = this.level(parent);
    this.#touch(parent, level);
    const below = this.#below(parent, name, level);
    const stat = inode.statAt(level.fd, name);
    if (stat !== undefined) removeTreeAt(level.fd, name);
    if (below !== undefined) makeWhiteout(level.fd, name);
    this.#removals++;
    if (stat?.type === 'directory') this.#forget(join(parent, name));
  }

  /** Sets the times of all directories in which something was changed, and closes what is open. */
  finish(): void {
    this.growth.finish();
    const root = this.level('/').fd;
    for (const [path, mtimeNs] of this.#times) {
      const fd = openBeneath(root, path.slice(1), O.RDONLY | O.DIRECTORY);
      try {
        inode.setTimesFd(fd, mtimeNs);
      } finally {
        inode.close(fd);
      }
    }
    this.#times.clear();
    this.#newFiles.forget();
    this.#removals++;
    this.#upper.forget();
  }

  #forget(directory: BytePath): void {
    for (const known of this.#times.keys()) {
      if (known === directory || known.startsWith(`${directory}/`)) this.#times.delete(known);
    }
    this.#newFiles.forget();
    this.#upper.forget();
  }
}

export function refusal(code: StoreErrorCode, path: BytePath, reason: string, cause?: Error): StoreError {
  const shown = displayPath(path);
  return new StoreError(code, shown, `Cannot write "${shown}": ${reason}`, cause && { cause });
}

function isADirectory(path: BytePath): StoreError {
  return refusal('IS_A_DIRECTORY', path, 'it is a directory');
}
