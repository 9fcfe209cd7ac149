import {
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import {
  type BytePath,
  displayPath,
  type FileNode,
  type FileTree,
  makeDirectories,
  StoreError,
} from '../../layers/index.ts';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY } = constants;

/** What could not be written, and so is missing in the directory. */
export interface LocalOutcome {
  /** Devices, pipes and sockets: they mean nothing outside the image. */
  readonly skipped: readonly string[];
}

export interface LocalOptions {
  /** Nanoseconds since 1970: the time of everything written; undefined: each its own. */
  readonly mtimeNs?: bigint;
  /** What is there and not in the tree is removed. */
  readonly deletes?: boolean;
  /** Files that may not be written (again), by path. Those that are written are added. */
  readonly taken?: Set<BytePath>;
  readonly signal?: AbortSignal;
}

/**
 * Writes a filesystem into a directory of the host, which is made if need be; what is there already is replaced or
 * stays. As with buildx everything belongs to the caller. Every step goes by the descriptor of the directory written to
 * and no link is followed, so a link in the tree (or one that lay in the directory) leads nowhere else.
 */
export async function writeLocal(
  tree: FileTree,
  destination: string,
  options: LocalOptions = {},
): Promise<LocalOutcome> {
  makeDirectories(destination);
  const root = openSync(destination, O_RDONLY | O_DIRECTORY);
  try {
    const writer = new LocalWriter(tree, root, options);
    const top = tree.lookup('/');
    if (top !== undefined) await writer.fill(root, top, options.signal);
    return { skipped: writer.skipped };
  } finally {
    closeSync(root);
  }
}

class LocalWriter {
  readonly skipped: string[] = [];
  /** First path of every inode with several names. */
  private readonly links = new Map<string, BytePath>();
  private readonly buffer = Buffer.allocUnsafeSlow(1 << 20);

  constructor(
    private readonly tree: FileTree,
    private readonly root: number,
    private readonly options: LocalOptions,
  ) {}

  /** Writes the children of a node of the tree into the directory `fd`. */
  async fill(fd: number, directory: FileNode, signal: AbortSignal | undefined): Promise<void> {
    const children = this.tree.children(directory);
    if (this.options.deletes) removeOthers(fd, new Set(children.map(({ path }) => nameOf(path))));
    for (const node of children) {
      const path = below(fd, nameOf(node.path));
      if (node.stat.type === 'directory') await this.directory(path, node, signal);
      else this.leaf(path, node);
    }
    // Lets signals and timers in between directories: all else here is synchronous.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }

  private async directory(path: Buffer, node: FileNode, signal: AbortSignal | undefined): Promise<void> {
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
      rmSync(path, { force: true });
      mkdirSync(path, { mode: 0o700 });
    }
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_DIRECTORY);
    try {
      await this.fill(fd, node, signal);
      fchmodSync(fd, safeMode(node));
      const time = this.timeOf(node);
      futimesSync(fd, time, time);
    } finally {
      closeSync(fd);
    }
  }

  private take({ path }: FileNode): void {
    const { taken } = this.options;
    if (taken?.has(path)) {
      const shown = displayPath(path);
      throw new StoreError(
        'UNSUPPORTED',
        shown,
        `Cannot write "${shown}" for two platforms in one directory: leave platform-split as it is`,
      );
    }
    taken?.add(path);
  }

  /** Seconds. */
  private timeOf({ stat }: FileNode): number {
    return Number(this.options.mtimeNs ?? stat.mtimeNs) / 1e9;
  }

  private leaf(path: Buffer, node: FileNode): void {
    const { type, nlink, dev, ino } = node.stat;
    if (type !== 'file' && type !== 'symlink') {
      this.skipped.push(displayPath(node.path));
      return;
    }
    this.take(node);
    rmSync(path, { recursive: true, force: true });
    const inode = `${dev}:${ino}`;
    const first = nlink > 1 ? this.links.get(inode) : undefined;
    if (first === undefined && nlink > 1) this.links.set(inode, node.path);
    if (first !== undefined) this.link(first, path);
    else if (type === 'file') this.file(path, node);
    else {
      symlinkSync(Buffer.from(this.tree.readlink(node), 'latin1'), path);
      lutimesSync(path, this.timeOf(node), this.timeOf(node));
    }
  }

  private file(path: Buffer, node: FileNode): void {
    const source = this.tree.open(node);
    try {
      const target = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        for (let length = this.read(source); length > 0; length = this.read(source)) {
          for (let written = 0; written < length; )
            written += writeSync(target, this.buffer, written, length - written);
        }
        fchmodSync(target, safeMode(node));
        futimesSync(target, this.timeOf(node), this.timeOf(node));
      } finally {
        closeSync(target);
      }
    } finally {
      closeSync(source);
    }
  }

  private read(fd: number): number {
    return readSync(fd, this.buffer, 0, this.buffer.length, null);
  }

  /** Walks to the first name once more: it was written by this run, but a directory on the way is opened, not trusted. */
  private link(first: BytePath, path: Buffer): void {
    const parents = first.split('/').slice(1, -1);
    let fd = this.root;
    try {
      for (const name of parents) {
        const next = openSync(below(fd, name), O_RDONLY | O_NOFOLLOW | O_DIRECTORY);
        if (fd !== this.root) closeSync(fd);
        fd = next;
      }
      linkSync(below(fd, nameOf(first)), path);
    } finally {
      if (fd !== this.root) closeSync(fd);
    }
  }
}

/** The path of a name in an open directory. */
function below(fd: number, name: BytePath): Buffer {
  if (name === '' || name === '.' || name === '..' || name.includes('/'))
    throw new StoreError(
      'PATH_ESCAPES_ROOT',
      displayPath(name),
      `Cannot write "${displayPath(name)}": no file name`,
    );
  return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), Buffer.from(name, 'latin1')]);
}

function nameOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** With another owner a set-uid bit would lend the rights of somebody the image did not mean: the caller. */
function safeMode({ stat: { mode, uid, gid } }: FileNode): number {
  const keepsUser = uid === process.getuid?.();
  const keepsGroup = gid === process.getgid?.();
  return mode & ~((keepsUser ? 0 : 0o4000) | (keepsGroup ? 0 : 0o2000));
}

function removeOthers(fd: number, kept: ReadonlySet<BytePath>): void {
  const names = readdirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' });
  for (const name of names) if (!kept.has(name)) rmSync(below(fd, name), { recursive: true, force: true });
}
