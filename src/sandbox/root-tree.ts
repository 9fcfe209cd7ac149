import {
  AT_EMPTY_PATH,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  PROC_SUPER_MAGIC,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from '../linux/constants.ts';
import { failedWith } from '../linux/errno.ts';
import type { FileStatus, Syscalls } from '../linux/syscalls.ts';
import { SandboxError } from './sandbox.ts';

export type Kind = 'directory' | 'file';

/** The kernel's own bound (path_resolution(7)). */
const MOST_LINKS = 40;

/**
 * The container's tree, walked by descriptor from its root: a link in it, whatever it says, leads nowhere else, and the
 * links of procfs that lead to open files are not followed at all.
 */
export class RootTree {
  /** Mount points that had to be made in the root's own file system, in order. */
  readonly stubs: string[] = [];
  private readonly rootDevice: FileStatus['device'];

  constructor(
    private readonly sys: Syscalls,
    readonly fd: number,
  ) {
    this.rootDevice = sys.statAt(fd, '').device;
  }

  /** An O_PATH descriptor of what is at `path`, links followed within the root; undefined where nothing is. */
  open(path: string, flags = 0): number | undefined {
    try {
      return this.sys.openat2(this.fd, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    } catch (error) {
      if (failedWith(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  /** As `open`, but a link anywhere on the way is an error (ELOOP). */
  openPlain(path: string, flags = 0): number | undefined {
    try {
      return this.sys.openat2(this.fd, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
    } catch (error) {
      if (failedWith(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  /**
   * A descriptor to mount on: what is at `path`, made when it is missing (the targets of dangling links too).
   * Throws where something of the other kind is there.
   */
  mountPoint(path: string, kind: Kind): number {
    const fd = this.open(path) ?? this.create(path, kind);
    const isDirectory = (this.sys.statAt(fd, '').mode & S_IFMT) === S_IFDIR;
    if (isDirectory === (kind === 'directory')) return fd;
    throw new SandboxError(
      'REFUSED',
      path,
      `Cannot mount a ${kind} at "${path}": it is ${isDirectory ? 'a directory' : 'not a directory'} in the root`,
    );
  }

  isOnProcfs(fd: number): boolean {
    return this.sys.filesystemType(fd) === PROC_SUPER_MAGIC;
  }

  private create(path: string, kind: Kind): number {
    const todo = names(path);
    const trail = [{ fd: this.fd, path: '' }];
    let links = 0;
    for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
      const parent = trail.at(-1)!;
      if (name === '..') {
        if (trail.length > 1) this.sys.close(trail.pop()!.fd);
        continue;
      }
      const here = `${parent.path}/${name}`;
      const fd =
        this.lookUp(parent.fd, name) ??
        this.make(parent.fd, name, here, todo.length === 0 ? kind : 'directory');
      if ((this.sys.statAt(fd, '').mode & S_IFMT) !== S_IFLNK) {
        trail.push({ fd, path: here });
        continue;
      }
      const target = this.linkTarget(fd, here, ++links);
      todo.unshift(...names(target));
      if (target.startsWith('/')) for (const { fd: passed } of trail.splice(1)) this.sys.close(passed);
    }
    const found = trail.pop()!;
    for (const { fd } of trail.slice(1)) this.sys.close(fd);
    return found.fd === this.fd ? this.sys.openTree(this.fd, '', AT_EMPTY_PATH) : found.fd;
  }

  private lookUp(directory: number, name: string): number | undefined {
    try {
      return this.sys.openat(directory, name, O_PATH | O_NOFOLLOW);
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  private make(directory: number, name: string, path: string, kind: Kind): number {
    if (kind === 'directory') this.sys.mkdirat(directory, name, 0o755);
    else this.sys.close(this.sys.openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o644));
    const { device } = this.sys.statAt(directory, '');
    if (device.major === this.rootDevice.major && device.minor === this.rootDevice.minor)
      this.stubs.push(path);
    return this.sys.openat(directory, name, O_PATH | O_NOFOLLOW | (kind === 'directory' ? O_DIRECTORY : 0));
  }

  private linkTarget(fd: number, path: string, links: number): string {
    if (this.isOnProcfs(fd))
      throw new SandboxError(
        'REFUSED',
        path,
        `Cannot follow "${path}": links of procfs lead out of the root`,
      );
    if (links > MOST_LINKS)
      throw new SandboxError('REFUSED', path, `Cannot resolve "${path}": too many levels of symbolic links`);
    const target = this.sys.readlink(fd);
    this.sys.close(fd);
    return target;
  }
}

const names = (path: string) => path.split('/').filter((name) => name !== '' && name !== '.');
