import type { BytePath, FileNode, FileTree } from '../../layers/index.ts';
import type { SelectedRoot } from './file/select.ts';
import { walk } from './file/walk.ts';
import { type DigestIndex, directoryDigest, type FileDigest, fileDigest } from './file-digest.ts';
import { FramedHash } from './framed-hash.ts';
import type { Pace } from './pace.ts';

/** To be raised when the encoding changes, so that digests of one kind are never taken for the other. */
const DOMAIN = 'tsbuild content 1';

/** What of the files matters besides names, contents, link targets, device numbers and extended attributes. */
export interface DigestScope {
  /** Permission bits; not when they are all replaced. */
  readonly modes: boolean;
  /** Only where files keep the owners of their source. */
  readonly owners: boolean;
}

const Tag = { end: 0, root: 1, parent: 2, directory: 3, file: 4, hardLink: 5, symlink: 6, node: 7 } as const;

/** What was found out about selected files. */
export interface Selection {
  /**
   * Hex sha256 of exactly what the roots select, in order: names relative to the root, types, contents and what the
   * scope adds; no times. Two selections have the same digest only if copying them gives the same files.
   */
  readonly digest: string;
  /** Whether a file or directory among them has extended attributes. */
  readonly hasXattrs: boolean;
}

export async function digestSelection(
  tree: FileTree,
  roots: readonly SelectedRoot[],
  scope: DigestScope,
  pace: Pace,
  index?: DigestIndex,
): Promise<Selection> {
  const digester = new SelectionDigester(tree, scope, pace, index);
  for (const root of roots) await digester.root(root);
  return { digest: digester.result(), hasXattrs: digester.hasXattrs };
}

/** The digest of {@link digestSelection}. */
export async function selectionDigest(...args: Parameters<typeof digestSelection>): Promise<string> {
  return (await digestSelection(...args)).digest;
}

class SelectionDigester {
  readonly #hash = new FramedHash(DOMAIN);
  hasXattrs = false;
  /** Files with several names: a later name is a link to the n-th entry. */
  readonly #links = new Map<string, number>();
  #entries = 0;

  constructor(
    readonly tree: FileTree,
    readonly scope: DigestScope,
    readonly pace: Pace,
    readonly index: DigestIndex | undefined,
  ) {
    this.#hash.byte(scope.modes ? 1 : 0).byte(scope.owners ? 1 : 0);
  }

  async root(root: SelectedRoot): Promise<void> {
    const isDirectory = root.node.stat.type === 'directory';
    // A directory gives its content, not its name; but with --parents its path is made below the destination.
    this.#hash
      .byte(Tag.root)
      .latin1(isDirectory ? '' : root.name)
      .latin1(root.under);
    for (const parent of root.parents) this.#directory(Tag.parent, parent.path, parent.node);
    if (root.under !== '' || !isDirectory) await this.#entry('', root.node, false);
    if (isDirectory) {
      for (const { node, path, implied } of walk(this.tree, root.node, root.exclusion)) {
        if (this.pace.due()) await this.pace.rest();
        const reading = this.#entry(path, node, implied);
        if (reading !== undefined) await reading;
      }
    }
    this.#hash.byte(Tag.end);
  }

  result(): string {
    return this.#hash.digest().toString('hex');
  }

  #entry(path: BytePath, node: FileNode, implied: boolean): Promise<void> | undefined {
    this.#entries++;
    switch (node.stat.type) {
      case 'directory':
        this.#directory(implied ? Tag.parent : Tag.directory, path, node);
        return undefined;
      case 'file':
        return this.#file(path, node);
      case 'symlink':
        this.#head(Tag.symlink, path, node);
        this.#hash.latin1(this.tree.readlink(node));
        return undefined;
      default:
        this.#head(Tag.node, path, node);
        this.#hash.text(node.stat.type).uint32(node.stat.rdevMajor).uint32(node.stat.rdevMinor);
        return undefined;
    }
  }

  #directory(tag: number, path: BytePath, node: FileNode): void {
    const { hasXattrs, digest } = directoryDigest(this.tree, node, this.index);
    this.hasXattrs ||= hasXattrs;
    this.#head(tag, path, node);
    this.#hash.byte(hasXattrs ? 1 : 0);
    if (hasXattrs) this.#hash.bytes(digest);
  }

  #file(path: BytePath, node: FileNode): Promise<void> | undefined {
    const { stat } = node;
    if (stat.nlink > 1) {
      const inode = `${stat.dev}:${stat.ino}`;
      const first = this.#links.get(inode);
      if (first !== undefined) {
        this.#head(Tag.hardLink, path, node);
        this.#hash.uint32(first);
        return undefined;
      }
      this.#links.set(inode, this.#entries);
    }
    const write = ({ hasXattrs, digest }: FileDigest) => {
      this.hasXattrs ||= hasXattrs;
      this.#head(Tag.file, path, node);
      this.#hash.byte(hasXattrs ? 1 : 0).bytes(digest);
    };
    const found = fileDigest(this.tree, node, this.pace, this.index);
    if (found instanceof Promise) return found.then(write);
    write(found);
    return undefined;
  }

  #head(tag: number, path: BytePath, { stat }: FileNode): void {
    this.#hash.byte(tag).latin1(path);
    if (this.scope.modes) this.#hash.uint32(stat.type === 'symlink' ? 0o777 : stat.mode);
    if (this.scope.owners) this.#hash.uint32(stat.uid).uint32(stat.gid);
  }
}
