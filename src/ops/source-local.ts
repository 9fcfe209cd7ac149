import {
  type BytePath,
  type DirectoryTree,
  directoryTree,
  type FileNode,
  type FileTree,
  type FileType,
} from '../../layers/index.ts';
import { compileIgnore, type IgnoreMatcher } from '../llb/ignore-patterns.ts';
import type { Operation } from '../solver/operation.ts';
import { textOf } from './file/paths.ts';

/** Attributes of a host's files that make sense in an image: labels and ACLs of the host do not. */
const CARRIED_XATTR = /^(?:user\.|security\.capability$)/;

/** A directory of the host as a build sees it: what .dockerignore leaves out is not there. Holds descriptors until closed. */
export class LocalTree implements FileTree {
  readonly #everything: DirectoryTree;
  readonly #visible: DirectoryTree;
  readonly #holdsSomething = new Map<BytePath, boolean>();

  /** Throws `NOT_FOUND` or `NOT_A_DIRECTORY` for the directory, `PatternError` for a malformed pattern. */
  constructor(
    /** Absolute path on the host. */
    readonly directory: string,
    ignoreLines: readonly string[],
  ) {
    const matcher = ignoreLines.length === 0 ? undefined : compileIgnore(ignoreLines);
    this.#everything = directoryTree(directory);
    this.#visible =
      matcher === undefined
        ? this.#everything
        : directoryTree(directory, { hidden: (path, type) => this.#isHidden(path, type, matcher) });
  }

  lookup(path: BytePath, options?: { readonly follow?: boolean }): FileNode | undefined {
    return this.#visible.lookup(path, options);
  }

  children(directory: FileNode): readonly FileNode[] {
    return this.#visible.children(directory);
  }

  readlink(symlink: FileNode): BytePath {
    return this.#visible.readlink(symlink);
  }

  open(file: FileNode): number {
    return this.#visible.open(file);
  }

  xattrs(node: FileNode): readonly (readonly [name: string, value: Buffer])[] {
    return this.#visible.xattrs(node).filter(([name]) => CARRIED_XATTR.test(name));
  }

  /** Whether the path is in the directory and only .dockerignore keeps it away. */
  hides(path: BytePath): boolean {
    return (
      this.lookup(path, { follow: true }) === undefined &&
      this.#everything.lookup(path, { follow: true }) !== undefined
    );
  }

  close(): void {
    this.#everything.close();
    this.#visible.close();
  }

  #isHidden(path: BytePath, type: FileType, matcher: IgnoreMatcher): boolean {
    const relative = textOf(path.slice(1));
    if (relative === '' || !matcher.ignored(relative)) return false;
    return type !== 'directory' || matcher.prunable(relative) || !this.#holds(path, matcher);
  }

  /** Whether an ignored directory has anything in it that is not: then it is there for that. */
  #holds(directory: BytePath, matcher: IgnoreMatcher): boolean {
    let holds = this.#holdsSomething.get(directory);
    if (holds === undefined) {
      const node = this.#everything.lookup(directory);
      holds =
        node?.stat.type === 'directory' &&
        this.#everything.children(node).some(({ path, stat }) => !this.#isHidden(path, stat.type, matcher));
      this.#holdsSomething.set(directory, holds);
    }
    return holds;
  }
}

/** Opens the build context, or a named local one, as a build sees it; `ignoreLines` as `ignoreFilePatterns` gives them. */
export function localTree(directory: string, ignoreLines: readonly string[] = []): LocalTree {
  return new LocalTree(directory, ignoreLines);
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
