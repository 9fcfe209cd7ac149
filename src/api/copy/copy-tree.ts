import { closeSync } from 'node:fs';
import {
  type Attributes,
  type BytePath,
  displayPath,
  type FileNode,
  type FileTree,
  StoreError,
  type TreeWriter,
} from '../../../layers/index.ts';
import { Pace } from '../../ops/pace.ts';
import { ApiError } from '../errors.ts';

export interface CopyTreeOptions {
  /** Of everything that is written, in place of the source's. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly signal?: AbortSignal;
}

const TAR_BLOCK = 512;

/**
 * Copies an entry with all below it into a directory of another tree, which exists; the name `.` puts what is in a
 * directory straight there. Directories are merged; neither does a file replace a directory, nor a directory anything
 * else. The source may change meanwhile: what goes is left out. Resolves with how many bytes a tar of it would have.
 */
export async function copyTree(
  from: FileTree,
  node: FileNode,
  writer: TreeWriter,
  { directory, name }: { readonly directory: BytePath; readonly name: BytePath },
  { owner, signal }: CopyTreeOptions = {},
): Promise<number> {
  const copier = new TreeCopier(from, writer, owner, new Pace(signal ?? new AbortController().signal));
  const base = directory === '/' ? '' : directory;
  try {
    if (name === '.') await copier.content(node, base);
    else await copier.entry(node, `${base}/${name}`);
  } finally {
    writer.finish();
  }
  return copier.bytes + 2 * TAR_BLOCK;
}

class TreeCopier {
  bytes = 0;
  /** Where each file with several names was written first. */
  readonly #links = new Map<string, BytePath>();

  constructor(
    readonly from: FileTree,
    readonly writer: TreeWriter,
    readonly owner: CopyTreeOptions['owner'],
    readonly pace: Pace,
  ) {}

  async content(directory: FileNode, target: BytePath): Promise<void> {
    for (const child of ifThere(() => this.from.children(directory)) ?? [])
      await this.entry(child, `${target}/${child.path.slice(child.path.lastIndexOf('/') + 1)}`);
  }

  async entry(node: FileNode, target: BytePath): Promise<void> {
    if (this.pace.due()) await this.pace.rest();
    const { type, size } = node.stat;
    if (type === 'socket') return;
    this.#refuseOverwriting(node, target);
    this.bytes += TAR_BLOCK + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
    if (type === 'directory') {
      this.writer.mkdir(target, this.#attributes(node));
      await this.content(node, target);
    } else this.#leaf(node, target);
  }

  #leaf(node: FileNode, target: BytePath): void {
    const { nlink, dev, ino, type, rdevMajor, rdevMinor } = node.stat;
    const inode = `${dev}:${ino}`;
    const first = nlink > 1 ? this.#links.get(inode) : undefined;
    if (first !== undefined) {
      this.writer.link(target, first);
      return;
    }
    if (type === 'file') this.#file(node, target);
    else if (type === 'symlink') this.#symlink(node, target);
    else {
      const device = { type: type as 'char' | 'block' | 'fifo', major: rdevMajor, minor: rdevMinor };
      this.writer.mknod(target, device, this.#attributes(node));
    }
    if (nlink > 1) this.#links.set(inode, target);
  }

  #file(node: FileNode, target: BytePath): void {
    const fd = ifThere(() => this.from.open(node));
    if (fd === undefined) return;
    try {
      const xattrs = this.from.xattrs(node, fd).filter(isKept);
      this.writer.file(target, { fd, size: node.stat.size }, { ...this.#attributes(node), xattrs });
    } finally {
      closeSync(fd);
    }
  }

  #symlink(node: FileNode, target: BytePath): void {
    const link = ifThere(() => this.from.readlink(node));
    if (link === undefined) return;
    this.writer.symlink(target, link, this.#attributes(node));
  }

  #refuseOverwriting({ stat }: FileNode, target: BytePath): void {
    const existing = this.writer.tree.lookup(target)?.stat.type;
    if (existing === undefined || (existing === 'directory') === (stat.type === 'directory')) return;
    const shown = displayPath(target);
    const [old, fresh] =
      existing === 'directory' ? ['directory', 'non-directory'] : ['non-directory', 'directory'];
    throw new ApiError('BAD_REQUEST', shown, `cannot overwrite ${old} "${shown}" with ${fresh}`);
  }

  #attributes({ stat }: FileNode): Attributes {
    const { mode, uid, gid, mtimeNs } = stat;
    return { mode, mtimeNs, uid: this.owner?.uid ?? uid, gid: this.owner?.gid ?? gid, xattrs: [] };
  }
}

/** As in Docker: others are of the place where the file was. */
const isKept = ([name]: readonly [string, Buffer]) => name === 'security.capability';

/** Undefined for what is gone by now, or was never what it is now. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof StoreError && (error.code === 'NOT_FOUND' || error.code === 'NOT_A_DIRECTORY'))
      return undefined;
    throw error;
  }
}
