import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
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
 * links of procfs that lead to open files are not followed at all. Descriptors stay open until exec, which closes them
 * at once and for less.
 */
export class RootTree {
  private rootDevice: FileStatus['device'] | undefined;

  constructor(
    private readonly sys: Syscalls,
    readonly fd: number,
    /** Gets the mount points that have to be made in the root's own file system, in order, each before it is made. */
    private readonly stubs: string[],
  ) {}

  /** An O_PATH descriptor of what is at `path`, links followed within the root; undefined where nothing is. */
  open(path: string, flags = 0): number | undefined {
    return this.sys.findat2(this.fd, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  }

  /** As `open`, but a link anywhere on the way is an error (ELOOP). */
  openPlain(path: string, flags = 0): number | undefined {
    return this.sys.findat2(this.fd, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  }

  /**
   * A descriptor to mount on: what is at `path`, made as `kind` when it is missing (the targets of dangling links too).
   */
  mountPoint(path: string, kind: Kind): number {
    return this.open(path) ?? this.create(path, kind, true);
  }

  /** An empty file in `directory`, where none is yet; to be mounted on. */
  newFile(directory: number, name: string): number {
    return this.sys.openat(directory, name, O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW, 0o644);
  }

  /** Puts the detached mount, of a `kind`, on what `target`, at `path`, is open on. */
  attach(mount: number, target: number, path: string, kind: Kind): void {
    try {
      this.sys.moveMount(mount, target);
    } catch (error) {
      const isDirectory = (this.sys.statAt(target, '').mode & S_IFMT) === S_IFDIR;
      if (!failedWith(error, 'EINVAL') || isDirectory === (kind === 'directory')) throw error;
      const found = isDirectory ? 'a directory' : 'not a directory';
      throw new SandboxError(
        'REFUSED',
        path,
        `Cannot mount a ${kind} at "${path}": it is ${found} in the container`,
      );
    }
  }

  /** Makes the directory at `path` with what is missing above it, unless something is there. It is content, not a stub. */
  ensureDirectory(path: string): void {
    if (this.open(path) === undefined) this.create(path, 'directory', false);
  }

  isOnProcfs(fd: number): boolean {
    return this.sys.filesystemType(fd) === PROC_SUPER_MAGIC;
  }

  private create(path: string, kind: Kind, isStub: boolean): number {
    const todo = names(path);
    const trail = [{ fd: this.fd, path: '' }];
    let links = 0;
    for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
      const parent = trail.at(-1)!;
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const here = `${parent.path}/${name}`;
      const found = this.sys.findat2(parent.fd, name, O_PATH | O_NOFOLLOW, RESOLVE_NO_MAGICLINKS);
      if (found === undefined) {
        if (isStub && this.isInRoot(parent.fd)) this.stubs.push(here);
        trail.push({ fd: this.make(parent.fd, name, todo.length === 0 ? kind : 'directory'), path: here });
      } else if ((this.sys.statAt(found, '').mode & S_IFMT) === S_IFLNK) {
        const target = this.linkTarget(found, here, ++links);
        todo.unshift(...names(target));
        if (target.startsWith('/')) trail.splice(1);
      } else trail.push({ fd: found, path: here });
    }
    return trail.at(-1)!.fd;
  }

  private make(directory: number, name: string, kind: Kind): number {
    if (kind === 'file') return this.newFile(directory, name);
    this.sys.mkdirat(directory, name, 0o755);
    return this.sys.openat(directory, name, O_PATH | O_NOFOLLOW | O_DIRECTORY);
  }

  /** In its own file system, and not in one that is mounted in it. */
  private isInRoot(directory: number): boolean {
    this.rootDevice ??= this.sys.statAt(this.fd, '').device;
    const { device } = this.sys.statAt(directory, '');
    return device.major === this.rootDevice.major && device.minor === this.rootDevice.minor;
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
    return this.sys.readlink(fd);
  }
}

const names = (path: string) => path.split('/').filter((name) => name !== '' && name !== '.');
