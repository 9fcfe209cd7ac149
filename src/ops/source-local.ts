import { type BytePath, directoryTree, type FileNode, type FileTree } from '../../layers/index.ts';
import { compileIgnore, type IgnoreMatcher } from '../llb/ignore-patterns.ts';
import type { Operation } from '../solver/operation.ts';
import { below, parentOf, textOf } from './file/paths.ts';

/** Links to follow in one look-up, as in the kernel: path_resolution(7). */
const MOST_LINKS = 40;

/** Attributes of a host's files that make sense in an image: labels and ACLs of the host do not. */
const CARRIED_XATTR = /^(?:user\.|security\.capability$)/;

/** The build context, or a named local one, as a build sees it: what .dockerignore leaves out is not there. */
export class LocalTree implements FileTree {
  readonly #base: FileTree;
  readonly #ignore: IgnoreMatcher | undefined;
  readonly #holdsSomething = new Map<BytePath, boolean>();

  /** `ignoreLines` as `ignoreFilePatterns` gives them. Throws `PatternError` for a malformed pattern. */
  constructor(
    /** Absolute path on the host; empty when the files are not in a directory there. */
    readonly directory: string,
    base: FileTree,
    ignoreLines: readonly string[],
  ) {
    this.#base = base;
    this.#ignore = ignoreLines.length === 0 ? undefined : compileIgnore(ignoreLines);
  }

  lookup(path: BytePath, options: { readonly follow?: boolean } = {}): FileNode | undefined {
    if (this.#ignore === undefined) return this.#base.lookup(path, options);
    return this.#resolve(path, options.follow === true, this.#ignore);
  }

  children(directory: FileNode): readonly FileNode[] {
    const all = this.#base.children(directory);
    const ignore = this.#ignore;
    return ignore === undefined ? all : all.filter((node) => this.#isVisible(node, ignore));
  }

  readlink(symlink: FileNode): BytePath {
    return this.#base.readlink(symlink);
  }

  open(file: FileNode): number {
    return this.#base.open(file);
  }

  xattrs(node: FileNode, fd?: number): readonly (readonly [name: string, value: Buffer])[] {
    return this.#base.xattrs(node, fd).filter(([name]) => CARRIED_XATTR.test(name));
  }

  /** Whether the path is in the directory and only .dockerignore keeps it away. */
  hides(path: BytePath): boolean {
    return (
      this.lookup(path, { follow: true }) === undefined &&
      this.#base.lookup(path, { follow: true }) !== undefined
    );
  }

  /** As the base would, but a component that is left out, be it a symlink on the way, ends the search. */
  #resolve(path: BytePath, follow: boolean, ignore: IgnoreMatcher): FileNode | undefined {
    const ahead = components(path);
    let at = this.#base.lookup('/');
    for (let links = 0; at !== undefined; ) {
      const name = ahead.shift();
      if (name === undefined) return at;
      if (at.stat.type !== 'directory') return undefined;
      if (name === '..') {
        at = this.#base.lookup(parentOf(at.path));
        continue;
      }
      const node = this.#base.lookup(below(at.path, name));
      if (node === undefined || !this.#isVisible(node, ignore)) return undefined;
      const isFollowed = node.stat.type === 'symlink' && (follow || ahead.length > 0);
      if (isFollowed) {
        if (++links > MOST_LINKS) return undefined;
        const target = this.#base.readlink(node);
        ahead.unshift(...components(target));
        if (target.startsWith('/')) at = this.#base.lookup('/');
      } else at = node;
    }
    return undefined;
  }

  #isVisible(node: FileNode, ignore: IgnoreMatcher): boolean {
    const path = textOf(node.path.slice(1));
    if (path === '' || !ignore.ignored(path)) return true;
    return node.stat.type === 'directory' && !ignore.prunable(path) && this.#holds(node, ignore);
  }

  /** Whether an ignored directory has anything in it that is not: then it is there for that. */
  #holds(directory: FileNode, ignore: IgnoreMatcher): boolean {
    let holds = this.#holdsSomething.get(directory.path);
    if (holds === undefined) {
      holds = this.#base.children(directory).some((node) => this.#isVisible(node, ignore));
      this.#holdsSomething.set(directory.path, holds);
    }
    return holds;
  }
}

function components(path: BytePath): BytePath[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/** A directory of the host as a build sees it. */
export function localTree(directory: string, ignoreLines: readonly string[] = []): LocalTree {
  return new LocalTree(directory, directoryTree(directory), ignoreLines);
}

/** Operation of `local` vertices: the directories of a build by name. They are read in place, so nothing is cached. */
export function localOperation(locals: ReadonlyMap<string, FileTree>): Operation {
  return {
    cached: false,
    // Whoever uses a local directory keys by the content that it takes from it.
    keyParts: async ({ op }) => [{ name: 'local directory', value: op.type === 'local' ? op.name : '' }],
    run: async ({ op }) => {
      const name = op.type === 'local' ? op.name : '';
      const tree = locals.get(name);
      if (tree === undefined) throw new Error(`No local directory is called ${JSON.stringify(name)}`);
      return { kind: 'local', tree, name };
    },
  };
}
