import {
  type Attributes,
  type BytePath,
  displayPath,
  type FileNode,
  type FileTree,
  StoreError,
  type TreeWriter,
} from '../../../layers/index.ts';
import { OperationError } from '../operation-error.ts';
import type { Pace } from '../pace.ts';
import type { ModeRule } from './chmod.ts';
import type { Ids } from './owner.ts';
import { below, namesDirectory } from './paths.ts';
import { makeDirectories, type ParentAttributes, placeFile } from './place.ts';
import type { SelectedRoot } from './select.ts';
import { walk } from './walk.ts';

/** How copied entries differ from their source, and what is made around them. */
export interface CopyRules {
  /** Undefined: as in the source. */
  readonly owner: Ids | undefined;
  readonly mode: ModeRule | undefined;
  /** Modification time for everything that is copied; undefined: as in the source. */
  readonly mtimeNs?: bigint;
  /** No file or directory of the source has extended attributes, as is known already: none are asked for. */
  readonly withoutXattrs?: boolean;
  readonly parents: ParentAttributes;
}

/**
 * Copies the roots of one source to a destination: a file onto or into it, a directory's content into it. Files with
 * several names stay one file where the names are below one root. Existing directories are merged into and take the
 * source's metadata (but for the destination itself, which takes its time only).
 */
export class Copier {
  constructor(
    readonly tree: FileTree,
    readonly writer: TreeWriter,
    readonly rules: CopyRules,
    readonly pace: Pace,
  ) {}

  /** A file under the name given by the destination or its source; what is inside a directory. */
  async copy(root: SelectedRoot, destination: BytePath): Promise<void> {
    if (root.node.stat.type !== 'directory') {
      const target = placeFile(this.writer, destination, root.name, this.rules.parents);
      this.#entry(target, root.node, new Map());
      return;
    }
    const target = this.makeDestination(destination);
    // Before its content, so that the layer can be hashed while it grows; what is then made in it changes no time.
    this.writer.setAttributes(target, { mtimeNs: this.rules.mtimeNs ?? root.node.stat.mtimeNs });
    await this.#content(root, target, new Map());
  }

  /** `--parents`: each root under its own path below the destination, which is a directory even if there is no root. */
  async copyWithParents(roots: readonly SelectedRoot[], destination: BytePath): Promise<void> {
    const base = this.makeDestination(destination);
    const links: Links = new Map();
    for (const root of roots) {
      if (this.pace.due()) await this.pace.rest();
      for (const { path, node } of root.parents) this.#implied(below(base, path), node);
      const target = below(base, root.under);
      if (root.under !== '') this.#entry(target, root.node, links);
      if (root.node.stat.type === 'directory') await this.#content(root, target, links);
    }
  }

  /** The destination as a directory: its real path. */
  makeDestination(destination: BytePath): BytePath {
    const target = this.writer.resolve(destination);
    const existing = this.writer.tree.lookup(target);
    if (existing !== undefined && existing.stat.type !== 'directory' && !namesDirectory(destination))
      throw notADirectory(target);
    if (existing === undefined || existing.stat.type !== 'directory')
      makeDirectories(this.writer, target, this.rules.parents);
    return target;
  }

  async #content(root: SelectedRoot, target: BytePath, links: Links): Promise<void> {
    for (const { node, path, implied } of walk(this.tree, root.node, root.exclusion)) {
      if (this.pace.due()) await this.pace.rest();
      if (implied) this.#implied(below(target, path), node);
      else this.#entry(below(target, path), node, links);
    }
  }

  /** A directory that is only there for what is in it: made like its source, left alone when it exists. */
  #implied(target: BytePath, node: FileNode): void {
    const existing = this.writer.tree.lookup(target);
    if (existing === undefined) this.writer.mkdir(target, this.#attributes(node));
    else if (existing.stat.type !== 'directory') throw notADirectory(target);
  }

  #entry(target: BytePath, node: FileNode, links: Links): void {
    try {
      if (node.stat.type === 'directory') this.writer.mkdir(target, this.#attributes(node));
      else if (node.stat.type === 'socket') this.writer.file(target, EMPTY, this.#attributes(node));
      else this.#linkOrCopy(target, node, links);
    } catch (error) {
      throw inDockersWords(error, target);
    }
  }

  #linkOrCopy(target: BytePath, node: FileNode, links: Links): void {
    const { stat } = node;
    if (stat.nlink > 1) {
      const inode = `${stat.dev}:${stat.ino}`;
      const first = links.get(inode);
      if (first !== undefined) {
        this.writer.link(target, first);
        return;
      }
      links.set(inode, target);
    }
    const { owner, mode, mtimeNs, withoutXattrs } = this.rules;
    this.writer.copy(target, this.tree, node, {
      ...(withoutXattrs && stat.type === 'file' && { xattrs: NONE }),
      ...owner,
      ...(mode && stat.type !== 'symlink' && { mode: mode(stat.mode, false) }),
      ...(mtimeNs !== undefined && { mtimeNs }),
    });
  }

  #attributes(node: FileNode): Attributes {
    const { stat } = node;
    const { owner, mode } = this.rules;
    return {
      uid: owner?.uid ?? stat.uid,
      gid: owner?.gid ?? stat.gid,
      mode: mode === undefined ? stat.mode : mode(stat.mode, stat.type === 'directory'),
      mtimeNs: this.rules.mtimeNs ?? stat.mtimeNs,
      xattrs: this.rules.withoutXattrs && stat.type === 'directory' ? NONE : this.tree.xattrs(node),
    };
  }
}

/** First target of each source file that has several names. */
type Links = Map<string, BytePath>;

const EMPTY = new Uint8Array();
const NONE: NonNullable<Attributes['xattrs']> = [];

function notADirectory(target: BytePath): OperationError {
  const subject = displayPath(target);
  return new OperationError('NOT_A_DIRECTORY', subject, `cannot copy to non-directory: ${subject}`, {
    hint: `${subject} is a file in the image: choose another path, or remove the file in an earlier step`,
  });
}

function inDockersWords(error: unknown, target: BytePath): unknown {
  if (!(error instanceof StoreError)) return error;
  const subject = displayPath(target);
  if (error.code === 'NOT_A_DIRECTORY') return notADirectory(target);
  if (error.code === 'IS_A_DIRECTORY') {
    const message = `cannot replace to directory ${subject} with file`;
    return new OperationError('IS_A_DIRECTORY', subject, message, { cause: error });
  }
  return error;
}
