import { ftruncateSync, writeSync } from 'node:fs';
import { SystemCallError } from '../linux/errno.ts';
import {
  addressOf,
  chmodAt,
  chmodFd,
  chownAt,
  chownFd,
  close,
  linkAt,
  makeNodeAt,
  O,
  openAt,
  setTimesAt,
  setTimesFd,
  setXattr,
  setXattrFd,
  statAt,
  symlinkAt,
  writeFrom,
} from '../linux/inode.ts';
import { applyXattrs } from '../snapshots/apply-attributes.ts';
import type { BytePath } from '../snapshots/file-tree.ts';
import { isWhiteout, type MarkSpace, makeWhiteout } from '../snapshots/overlay-marks.ts';
import { archiveError, invalidArchive } from './archive-error.ts';
import { cleanEntryPath } from './entry-path.ts';
import { LayerRoot, type OpenDirectory } from './layer-root.ts';
import type { TarEntry } from './tar-entry.ts';
import type { DataPiece } from './tar-reader.ts';
import { AUFS_PREFIX, hasWhiteout, OPAQUE_MARKER, splitPath, WHITEOUT_PREFIX } from './whiteout.ts';

const DISK_BLOCK = 4096;

/** Writes the entries of one layer, told one after the other, into its directory. See {@link applyLayer}. */
export class LayerExtractor {
  /** Bytes on disk so far, as {@link LayerInfo} counts them. */
  get disk(): number {
    return this.#fileBytes + this.#root.made * DISK_BLOCK;
  }

  #fileBytes = 0;
  readonly #root: LayerRoot;
  /** What a new file gets from the kernel, so needs not be set. */
  readonly #uid = process.geteuid?.() ?? 0;
  readonly #gid = process.getegid?.() ?? 0;
  readonly #umask = process.umask();
  #entry: TarEntry | undefined;
  /** The file being written, its offset there, and where its last bytes so far end. */
  #file = -1;
  #offset = 0;
  #extent = 0;
  #chunk: Buffer | undefined;
  #address = 0n;

  constructor(directory: string, maxDirectories: number) {
    this.#root = new LayerRoot(directory, maxDirectories);
  }

  close(): void {
    if (this.#file >= 0) close(this.#file);
    this.#file = -1;
    this.#root.close();
  }

  /** To be called once after the last entry. */
  finish(marks: MarkSpace): void {
    this.#root.directories.apply(this.#root.root.fd, marks);
  }

  begin(entry: TarEntry): void {
    const path = cleanEntryPath(entry.path);
    const [parentPath, name] = splitPath(path);
    if (path === '') this.#describeRoot(entry);
    else if (hasWhiteout(path)) this.#mark(entry, parentPath, name);
    else this.#create(entry, this.#root.directory(parentPath), name);
  }

  #describeRoot(entry: TarEntry): void {
    if (entry.type !== 'directory')
      throw invalidArchive(entry.path, `Cannot unpack the layer: its root is a ${entry.type}`);
    this.#root.directories.describe(this.#root.root.ino, entry);
  }

  /** An entry that has `.wh.` before a component of its path. */
  #mark(entry: TarEntry, parentPath: BytePath, name: BytePath): void {
    if (!hasWhiteout(parentPath)) {
      if (name === OPAQUE_MARKER) this.#root.directories.makeOpaque(this.#root.directory(parentPath).ino);
      else if (!name.startsWith(AUFS_PREFIX))
        this.#whiteout(entry, this.#root.directory(parentPath), name.slice(WHITEOUT_PREFIX.length));
    } else if (!`/${parentPath}`.includes(`/${AUFS_PREFIX}`))
      throw invalidArchive(entry.path, 'Cannot unpack the layer: nothing can lie below a whiteout');
  }

  /** image-spec layer.md, "Whiteouts": hides an entry of the layers below, not one of this layer. */
  #whiteout(entry: TarEntry, parent: OpenDirectory, name: BytePath): void {
    if (name === '' || name === '.' || name === '..')
      throw invalidArchive(entry.path, 'Cannot unpack the layer: a whiteout names nothing');
    this.#root.directories.hide(parent.ino, name);
    const found = statAt(parent.fd, name);
    if (found === undefined) makeWhiteout(parent.fd, name);
    else if (found.type === 'directory') this.#root.directories.makeOpaque(found.ino);
  }

  #create(entry: TarEntry, parent: OpenDirectory, name: BytePath): void {
    if (entry.type === 'file') this.#createFile(entry, parent, name);
    else if (entry.type === 'directory') this.#createDirectory(entry, parent, name);
    else if (entry.type === 'link') this.#createLink(entry, name);
    else if (entry.type === 'symlink') {
      this.#replacing(parent, name, () => symlinkAt(entry.linkpath, parent.fd, name));
      this.#describe(entry, parent, name);
    } else {
      this.#createNode(entry, entry.type, parent, name);
      this.#describe(entry, parent, name);
    }
  }

  /** Owner, mode, attributes and time of what was just made and is neither a file nor a directory. */
  #describe(entry: TarEntry, parent: OpenDirectory, name: BytePath): void {
    chownAt(parent.fd, name, entry.uid, entry.gid);
    if (entry.type !== 'symlink') chmodAt(parent.fd, name, entry.mode);
    applyXattrs(entry.xattrs, (attribute, value) => setXattr(parent.fd, name, attribute, value));
    setTimesAt(parent.fd, name, entry.mtimeNs);
  }

  /** Makes an entry; where something is in the way, removes that first. */
  #replacing<T>(parent: OpenDirectory, name: BytePath, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof SystemCallError && error.code === 'EEXIST')) throw error;
      this.#root.remove(parent, name);
      return make();
    }
  }

  #createFile(entry: TarEntry, parent: OpenDirectory, name: BytePath): void {
    const flags = O.WRONLY | O.CREAT | O.EXCL;
    this.#entry = entry;
    this.#file = this.#replacing(parent, name, () => openAt(parent.fd, name, flags, entry.mode & 0o777));
    this.#offset = 0;
    this.#extent = 0;
    this.#fileBytes += Math.ceil(entry.size / DISK_BLOCK) * DISK_BLOCK;
  }

  #createDirectory(entry: TarEntry, parent: OpenDirectory, name: BytePath): void {
    const found = statAt(parent.fd, name);
    if (found?.type === 'directory') this.#root.directories.describe(found.ino, entry);
    else {
      if (found !== undefined) this.#root.remove(parent, name);
      this.#root.make(parent, name, entry);
    }
  }

  #createNode(entry: TarEntry, type: 'char' | 'block' | 'fifo', parent: OpenDirectory, name: BytePath): void {
    const { devMajor, devMinor } = entry;
    if (type === 'char' && devMajor === 0 && devMinor === 0)
      throw archiveError(
        'UNSUPPORTED',
        entry.path,
        'Cannot unpack the layer: overlayfs takes a device 0:0 for a deletion',
      );
    this.#replacing(parent, name, () => makeNodeAt(parent.fd, name, type, 0o600, devMajor, devMinor));
  }

  /** Another name of an entry of this layer, which has to be there already; the last component is not followed. */
  #createLink(entry: TarEntry, name: BytePath): void {
    const [targetParent, targetName] = splitPath(cleanEntryPath(entry.linkpath));
    const from = this.#root.find(targetParent);
    const target = from === undefined || targetName === '' ? undefined : statAt(from, targetName);
    try {
      if (from === undefined || target === undefined || target.type === 'directory' || isWhiteout(target))
        throw invalidArchive(
          entry.path,
          'Cannot unpack the layer: target of a hard link is no file of it so far',
        );
      const parent = this.#root.directory(splitPath(cleanEntryPath(entry.path))[0]);
      // A link to itself leaves the file as it is.
      if (statAt(parent.fd, name)?.ino !== target.ino)
        this.#replacing(parent, name, () => linkAt(from, targetName, parent.fd, name));
    } finally {
      if (from !== undefined) close(from);
    }
  }

  /** Writes bytes of the file begun last. */
  write(data: DataPiece): void {
    // Bytes of an entry that is no file here: a whiteout with content.
    if (this.#file < 0) return;
    this.#extent = data.position + data.end - data.start;
    if (data.position !== this.#offset) this.#writeBehindHole(data);
    else {
      if (this.#chunk !== data.chunk) {
        this.#chunk = data.chunk;
        this.#address = addressOf(data.chunk);
      }
      for (let at = data.start; at < data.end; )
        at += writeFrom(this.#file, this.#address + BigInt(at), data.end - at);
      this.#offset = this.#extent;
    }
  }

  /** From its first hole on the file's own offset stays behind. */
  #writeBehindHole({ chunk, start, end, position }: DataPiece): void {
    for (let at = start; at < end; ) at += writeSync(this.#file, chunk, at, end - at, position + at - start);
  }

  /** The entry begun last has all its bytes. */
  end(): void {
    if (this.#file < 0) return;
    const fd = this.#file;
    const { size, uid, gid, mode, xattrs, mtimeNs } = this.#entry!;
    if (this.#extent < size) ftruncateSync(fd, size);
    const isForeign = uid !== this.#uid || gid !== this.#gid;
    // Setting the owner clears setuid and capabilities, so these come after.
    if (isForeign) chownFd(fd, uid, gid);
    if ((mode & (0o7000 | this.#umask)) !== 0) chmodFd(fd, mode);
    applyXattrs(xattrs, (name, value) => setXattrFd(fd, name, value));
    setTimesFd(fd, mtimeNs);
    this.#file = -1;
    close(fd);
  }
}
