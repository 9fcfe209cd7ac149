import {
  AT_FDCWD,
  addressOf,
  close,
  getXattr,
  getXattrFd,
  listXattrs,
  listXattrsFd,
  O,
  openAt,
  readInto,
  readLinkAt,
  statAt,
} from '../linux/inode.ts';
import { type BytePath, bytePath, type FileStat } from '../snapshots/file-tree.ts';
import { isFileXattr, isOpaque, isWhiteout, type MarkSpace } from '../snapshots/overlay-marks.ts';
import { archiveError } from './archive-error.ts';
import { defaultLimits } from './archive-limits.ts';
import { DirectoryWalk, type LayerStep, type LayerWalk, LEAVE } from './layer-walk.ts';
import type { WrittenStat } from './step-batch.ts';
import { extensionBody, headersLength, type TarEntry, writeHeaders, type Xattr } from './tar-entry.ts';
import { BLOCK, type EntryType } from './tar-header.ts';
import { OPAQUE_MARKER, WHITEOUT_PREFIX } from './whiteout.ts';

export interface LayerOptions {
  /** Default `trusted.overlay.`. */
  readonly overlayXattrs?: MarkSpace;
}

interface Directory {
  readonly fd: number;
  /** In the archive, with a slash at the end; empty for the root. */
  readonly path: BytePath;
}

const NO_XATTRS: readonly Xattr[] = [];
const NOTHING = Buffer.alloc(0);
const END = Buffer.alloc(2 * BLOCK);
const PADDING = Buffer.alloc(BLOCK);
const DISK_BLOCK = 4096;

/**
 * The tar of a layer, made piece by piece: each `fill` writes the next bytes into a buffer. Equal directories give
 * equal bytes, whatever the filesystem, the process or the size of the buffers:
 *
 * - Entries stand below their directory in bytewise order of their names on disk; the root itself is left out.
 * - Owners are numbers; times have nanoseconds (PAX, when needed); sparse files are written in full.
 * - The first name of a file is the file, further ones are links to it. Sockets are left out.
 * - A whiteout is an empty file of mode 0, owner 0 and time 0; that of an opaque directory comes right after it.
 *
 * Synchronous, and what the walk has told of must not change meanwhile.
 */
export class LayerTar {
  /** Entries written so far. */
  entries = 0;
  /** Bytes the layer takes on disk, as far as it was written: sizes rounded up to blocks of 4 KiB, each inode once. */
  disk = 0;

  /** Everything has been handed to `fill`, but for what it still has to write. */
  isEnded = false;

  readonly #overlayXattrs: MarkSpace;
  readonly #walk: LayerWalk;
  readonly #directories: Directory[] = [];
  /** First path of each inode with several names. */
  readonly #links = new Map<string, BytePath>();
  /** Bytes to write before going on. */
  #pending: Buffer = NOTHING;
  #buffer: Buffer = NOTHING;
  #address = 0n;
  #offset = 0;
  /** The file being read: its descriptor, path, and bytes to come. */
  #file = -1;
  #filePath: BytePath = '';
  #left = 0;

  constructor(directory: string, options: LayerOptions = {}, walk: LayerWalk = new DirectoryWalk()) {
    this.#walk = walk;
    this.#overlayXattrs = options.overlayXattrs ?? 'trusted.overlay.';
    this.#enter(openAt(AT_FDCWD, bytePath(directory), O.RDONLY | O.DIRECTORY), '');
  }

  /**
   * Fills the buffer as far as it can and returns the bytes written; 0 at the end, or where the walk does not go on
   * yet. The buffer is from `Buffer.allocUnsafeSlow`, of whole blocks.
   */
  fill(buffer: Buffer): number {
    this.#buffer = buffer;
    this.#address = addressOf(buffer);
    this.#offset = 0;
    for (;;) {
      this.#flush();
      if (this.#file >= 0 && this.#pending.length === 0) this.#readFile();
      if (this.isEnded || this.#offset === buffer.length) return this.#offset;
      if (!this.#next()) return this.#offset;
    }
  }

  /** Releases what is open; needed when `fill` has not come to its end. Idempotent. */
  close(): void {
    if (this.#file >= 0) close(this.#file);
    this.#file = -1;
    for (const { fd } of this.#directories.splice(0)) close(fd);
    this.#pending = NOTHING;
    this.isEnded = true;
  }

  #enter(fd: number, path: BytePath): void {
    this.#directories.push({ fd, path });
    this.#walk.enter(fd);
  }

  /** False where the walk does not go on yet. */
  #next(): boolean {
    const step = this.#walk.next();
    if (step === undefined) return false;
    if (step !== LEAVE) {
      const { fd, path } = this.#directories.at(-1)!;
      if (typeof step === 'string') this.#entry(fd, step, path);
      else if ('enter' in step) this.#entry(fd, step.enter, path, step.mtimeNs);
      else this.#told(step, path);
      return true;
    }
    close(this.#directories.pop()!.fd);
    if (this.#directories.length > 0) return true;
    this.#pending = END;
    this.isEnded = true;
    return true;
  }

  #entry(parent: number, name: BytePath, parentPath: BytePath, mtimeNs?: bigint): void {
    const path = parentPath + name;
    const stat = statAt(parent, name);
    if (stat === undefined) throw changed(path);
    checkName(name, path);
    const first = this.#firstName(stat, path);
    if (isWhiteout(stat)) this.#emit(whiteout(parentPath + WHITEOUT_PREFIX + name));
    else if (stat.type === 'directory')
      this.#directory(parent, name, path, mtimeNs === undefined ? stat : { ...stat, mtimeNs });
    else if (stat.type === 'socket') return;
    else if (first !== undefined) this.#emit(entryOf(path, stat, 'link', { linkpath: first }));
    else if (stat.type === 'file') this.#regular(parent, name, path, stat);
    else {
      const linkpath = stat.type === 'symlink' ? readLinkAt(parent, name) : '';
      const names = listXattrs(parent, name);
      const xattrs = this.#xattrs(path, names, (attribute) => getXattr(parent, name, attribute));
      this.#emit(entryOf(path, stat, stat.type, { linkpath, xattrs }));
    }
  }

  /** A file that is known already, content and all. */
  #told({ file, stat, content }: Extract<LayerStep, { file: BytePath }>, parentPath: BytePath): void {
    const path = parentPath + file;
    checkName(file, path);
    this.disk += Math.ceil(stat.size / DISK_BLOCK) * DISK_BLOCK;
    this.#emit(entryOf(path, stat, 'file', {}));
    const { bytes, offset } = content;
    const padding = -stat.size & (BLOCK - 1);
    const end = this.#offset + stat.size + padding;
    if (this.#pending.length === 0 && end <= this.#buffer.length) {
      bytes.copy(this.#buffer, this.#offset, offset, offset + stat.size);
      this.#buffer.fill(0, end - padding, end);
      this.#offset = end;
      return;
    }
    const whole = bytes.subarray(offset, offset + stat.size);
    this.#pending = Buffer.concat([this.#pending, whole, PADDING.subarray(0, padding)]);
  }

  #directory(parent: number, name: BytePath, path: BytePath, stat: FileStat): void {
    const fd = openAt(parent, name, O.RDONLY | O.DIRECTORY);
    this.#enter(fd, `${path}/`);
    this.disk += DISK_BLOCK;
    const names = listXattrsFd(fd);
    const xattrs = this.#xattrs(path, names, (attribute) => getXattrFd(fd, attribute));
    this.#emit(entryOf(`${path}/`, stat, 'directory', { xattrs }));
    if (names.length > 0 && isOpaque(fd, this.#overlayXattrs))
      this.#emit(whiteout(`${path}/${OPAQUE_MARKER}`));
  }

  #regular(parent: number, name: BytePath, path: BytePath, stat: FileStat): void {
    // O_NONBLOCK: were it a FIFO by now, opening it would wait for ever.
    const fd = openAt(parent, name, O.RDONLY | O.NONBLOCK);
    this.#file = fd;
    this.#filePath = path;
    this.#left = stat.size;
    this.disk += Math.ceil(stat.size / DISK_BLOCK) * DISK_BLOCK;
    const xattrs = this.#xattrs(path, listXattrsFd(fd), (attribute) => getXattrFd(fd, attribute));
    this.#emit(entryOf(path, stat, 'file', { xattrs }));
  }

  /** The path that an inode with several names was written under, if it was. */
  #firstName(stat: FileStat, path: BytePath): BytePath | undefined {
    if (stat.nlink < 2 || stat.type === 'directory') return undefined;
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.#links.get(key);
    if (first === undefined) this.#links.set(key, path);
    return first;
  }

  #xattrs(
    path: BytePath,
    names: readonly string[],
    get: (name: string) => Buffer | undefined,
  ): readonly Xattr[] {
    if (names.length === 0) return NO_XATTRS;
    const found: Xattr[] = [];
    for (const name of names) {
      if (name === `${this.#overlayXattrs}redirect` || name === `${this.#overlayXattrs}metacopy`)
        throw unsupported(path, 'an entry refers to a lower one (redirect_dir or metacopy was on)');
      const value = isFileXattr(name) ? get(name) : undefined;
      if (value !== undefined) found.push([name, value]);
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Writes the headers of an entry, behind what is waiting. */
  #emit(entry: TarEntry): void {
    this.entries++;
    const body = extensionBody(entry);
    const length = headersLength(body);
    if (this.#pending.length === 0 && this.#offset + length <= this.#buffer.length) {
      writeHeaders(this.#buffer, this.#offset, entry, body);
      this.#offset += length;
      return;
    }
    const headers = Buffer.alloc(length);
    writeHeaders(headers, 0, entry, body);
    this.#pending = Buffer.concat([this.#pending, headers]);
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const length = this.#pending.copy(this.#buffer, this.#offset);
    this.#pending = this.#pending.subarray(length);
    this.#offset += length;
  }

  /** Reads on in the open file; at its end closes it and fills its last block. */
  #readFile(): void {
    const end = this.#buffer.length;
    while (this.#left > 0 && this.#offset < end) {
      const wanted = Math.min(this.#left, end - this.#offset);
      const length = readInto(this.#file, this.#address + BigInt(this.#offset), wanted);
      if (length === 0) throw changed(this.#filePath);
      this.#offset += length;
      this.#left -= length;
    }
    if (this.#left > 0) return;
    close(this.#file);
    this.#file = -1;
    // Files begin on a block and buffers are whole blocks: there is room.
    const padding = -this.#offset & (BLOCK - 1);
    this.#buffer.fill(0, this.#offset, this.#offset + padding);
    this.#offset += padding;
  }
}

/** Why no layer can have an entry of that name, and of a path of that many bytes. */
export function objectionTo(name: BytePath, pathLength: number): string | undefined {
  if (name.startsWith(WHITEOUT_PREFIX))
    return `names that begin with ${WHITEOUT_PREFIX} mean deletions there`;
  return pathLength >= defaultLimits.pathBytes ? 'a path is too long' : undefined;
}

function checkName(name: BytePath, path: BytePath): void {
  const objection = objectionTo(name, path.length);
  if (objection !== undefined) throw unsupported(path, objection);
}

type EntryStat = WrittenStat & Partial<Pick<FileStat, 'rdevMajor' | 'rdevMinor'>>;

function entryOf(
  path: BytePath,
  stat: EntryStat,
  type: EntryType,
  { xattrs = NO_XATTRS, linkpath = '' }: Partial<Pick<TarEntry, 'xattrs' | 'linkpath'>>,
): TarEntry {
  const isDevice = type === 'char' || type === 'block';
  const { rdevMajor = 0, rdevMinor = 0 } = stat;
  return {
    path,
    type,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    size: type === 'file' ? stat.size : 0,
    mtimeNs: stat.mtimeNs,
    linkpath,
    devMajor: isDevice ? rdevMajor : 0,
    devMinor: isDevice ? rdevMinor : 0,
    xattrs,
  };
}

const WHITEOUT_STAT = { mode: 0, uid: 0, gid: 0, size: 0, mtimeNs: 0n };

function whiteout(path: BytePath): TarEntry {
  return { ...WHITEOUT_STAT, path, type: 'file', linkpath: '', devMajor: 0, devMinor: 0, xattrs: NO_XATTRS };
}

function unsupported(path: BytePath, why: string) {
  return archiveError('UNSUPPORTED', path, `Cannot make a layer: ${why}`);
}

function changed(path: BytePath) {
  return archiveError('CORRUPT', path, 'Cannot make a layer: it changed while it was read');
}
