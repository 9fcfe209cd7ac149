import { type BytePath, bytePath, type FileNode, type FileTree } from '../../../layers/index.ts';
import { Glob, hasWildcard, PatternError } from '../../llb/glob.ts';
import { compileExclude, type IgnoreMatcher } from '../../llb/ignore-patterns.ts';
import type { CopyAction } from '../../llb/op.ts';
import { OperationError } from '../operation-error.ts';
import { notFound } from './not-found.ts';
import { below, cleanPath, nameOf, textOf } from './paths.ts';
import { matchParents, type ParentsMatch } from './select-parents.ts';
import type { Exclusion } from './walk.ts';

/** A file or directory that a source names. */
export interface SelectedRoot {
  /** Symlinks followed (but with --parents, where they stay links). */
  readonly node: FileNode;
  /** The name that the source gave it: a file put into a directory is called so. */
  readonly name: BytePath;
  /** --parents: where it goes below the destination; empty for the destination itself. */
  readonly under: BytePath;
  /** --parents: the directories above it that must exist below the destination. */
  readonly parents: readonly { readonly path: BytePath; readonly node: FileNode }[];
  readonly exclusion?: Exclusion;
}

/** What one source of a COPY stands for. */
export interface SelectedSource {
  /** As the user wrote it. */
  readonly display: string;
  readonly roots: readonly SelectedRoot[];
}

type Copy = Pick<CopyAction, 'sources' | 'display' | 'exclude' | 'parents'>;

/**
 * Finds what the sources of a COPY or ADD name in the tree they are taken from. A wildcard may match nothing, a
 * literal that is not there is `NOT_FOUND`. Nothing outside of the tree can be named: `..` stops at its root.
 */
export function selectSources(tree: FileTree, copy: Copy): readonly SelectedSource[] {
  return copy.sources.map((source, index) => {
    const display = copy.display[index] ?? source;
    try {
      const pattern = bytePath(source);
      const roots = copy.parents
        ? selectParents(tree, pattern, display, copy.exclude)
        : selectPlain(tree, pattern, display, copy.exclude);
      return { display, roots };
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw new OperationError('INVALID_PATTERN', display, error.message, { cause: error });
    }
  });
}

function selectPlain(
  tree: FileTree,
  source: BytePath,
  display: string,
  exclude: readonly string[],
): SelectedRoot[] {
  const path = cleanPath(source);
  const found = hasWildcard(path) ? expandWildcards(tree, path, display).map((match) => match.path) : [path];
  // What the source names itself is never left out, by whatever name or pattern: Docker 28.5 has it so.
  const exclusion = exclude.length > 0 ? { matcher: compileExclude(exclude), rootPath: '' } : undefined;
  return found.map((match) => {
    const node = literal(tree, match, display);
    const isExcluding = exclusion !== undefined && node.stat.type === 'directory';
    return { node, name: nameOf(match), under: '', parents: [], ...(isExcluding && { exclusion }) };
  });
}

/** An entry that must be there, symlinks followed. */
function literal(tree: FileTree, path: BytePath, display: string): FileNode {
  const node =
    tree.lookup(path, { follow: true }) ??
    (path.includes('\\') ? tree.lookup(unescaped(path), { follow: true }) : undefined);
  if (node === undefined) throw notFound(tree, path, display);
  return node;
}

/** What a pattern without wildcards matches. */
function unescaped(pattern: BytePath): BytePath {
  return pattern.replace(/\\(.)/gs, '$1');
}

/** Entries that the pattern matches component by component, in bytewise order. Only the literal beginning follows symlinks. */
function expandWildcards(tree: FileTree, pattern: BytePath, display: string): FileNode[] {
  const components = pattern.slice(1).split('/');
  const first = components.findIndex((component) => hasWildcard(component));
  let found = [literal(tree, `/${components.slice(0, first).join('/')}`, display)];
  for (const component of components.slice(first)) {
    found = found
      .filter(({ stat }) => stat.type === 'directory')
      .flatMap((directory) => matchingChildren(tree, directory, component));
  }
  return found;
}

function matchingChildren(tree: FileTree, directory: FileNode, component: BytePath): readonly FileNode[] {
  if (!hasWildcard(component)) {
    const child = tree.lookup(below(directory.path, unescaped(component)));
    return child === undefined ? [] : [child];
  }
  const glob = new Glob(textOf(component));
  return tree.children(directory).filter((child) => glob.matches(textOf(nameOf(child.path))));
}

/** `--parents`: what is before the first `/./` is not part of the path that is kept. */
function selectParents(
  tree: FileTree,
  source: BytePath,
  display: string,
  exclude: readonly string[],
): SelectedRoot[] {
  const cut = source.indexOf('/./');
  const pivotPath = cut === -1 ? '/' : cleanPath(source.slice(0, cut));
  const pattern = cleanPath(cut === -1 ? source : source.slice(cut + 3));
  const pivots = hasWildcard(pivotPath)
    ? expandWildcards(tree, pivotPath, display).map(({ path }) => literal(tree, path, display))
    : [literal(tree, pivotPath, display)];
  const matches = pivots
    .filter(({ stat }) => stat.type === 'directory')
    .flatMap((pivot) => matchParents(tree, pivot, pattern));
  if (matches.length === 0 && !hasWildcard(source))
    throw notFound(tree, below(pivotPath, pattern.slice(1)), display);
  if (exclude.length === 0) return matches.map(rootOf);
  const matcher = compileExclude(exclude);
  return matches.filter((match) => !leftOut(match, matcher)).map((match) => excludingRoot(match, matcher));
}

function rootOf({ node, under, parents }: ParentsMatch): SelectedRoot {
  return { node, name: nameOf(under), under, parents };
}

function excludingRoot(match: ParentsMatch, matcher: IgnoreMatcher): SelectedRoot {
  return { ...rootOf(match), exclusion: { matcher, rootPath: textOf(match.under) } };
}

function leftOut({ node, under }: ParentsMatch, matcher: IgnoreMatcher): boolean {
  const path = textOf(under);
  return node.stat.type === 'directory' ? matcher.prunable(path) : matcher.ignored(path);
}
