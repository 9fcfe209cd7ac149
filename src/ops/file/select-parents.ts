import type { BytePath, FileNode, FileTree } from '../../../layers/index.ts';
import { Glob, hasWildcard } from '../../llb/glob.ts';
import { below, nameOf, textOf } from './paths.ts';

/** An entry that a pattern of `--parents` matched. */
export interface ParentsMatch {
  readonly node: FileNode;
  /** Relative to the pivot. */
  readonly under: BytePath;
  readonly parents: readonly { readonly path: BytePath; readonly node: FileNode }[];
}

/**
 * Entries below the pivot that the pattern (absolute and clean, the pivot as its root; `**` is any number of
 * directories) matches, in order of path. What lies in a matched directory comes with it and is not listed again.
 */
export function matchParents(tree: FileTree, pivot: FileNode, pattern: BytePath): readonly ParentsMatch[] {
  const components = pattern === '/' ? [] : pattern.slice(1).split('/');
  const found = new Map<BytePath, ParentsMatch>();
  visit({ tree, components, found }, { node: pivot, under: '', parents: [] }, 0);
  return outermost([...found.values()]);
}

interface Search {
  readonly tree: FileTree;
  readonly components: readonly BytePath[];
  readonly found: Map<BytePath, ParentsMatch>;
}

function visit(search: Search, at: ParentsMatch, index: number): void {
  const { tree, components, found } = search;
  const component = components[index];
  if (component === undefined) {
    found.set(at.under, at);
    return;
  }
  if (at.node.stat.type !== 'directory') return;
  const isLast = index === components.length - 1;
  if (component === '**') {
    if (!isLast) visit(search, at, index + 1);
    for (const child of tree.children(at.node)) {
      const next = inside(at, child);
      if (isLast) found.set(next.under, next);
      else if (child.stat.type === 'directory') visit(search, next, index);
    }
  } else if (hasWildcard(component)) {
    const glob = new Glob(textOf(component));
    for (const child of tree.children(at.node))
      if (glob.matches(textOf(nameOf(child.path)))) visit(search, inside(at, child), index + 1);
  } else {
    const name = component.replace(/\\(.)/gs, '$1');
    // A link on the way stands for its directory, as with `cp --parents`; one that is named itself stays a link.
    const child = tree.lookup(below(at.node.path, name), { follow: !isLast });
    if (child !== undefined) visit(search, inside(at, child, name), index + 1);
  }
}

function inside(at: ParentsMatch, child: FileNode, name: BytePath = nameOf(child.path)): ParentsMatch {
  return {
    node: child,
    under: at.under === '' ? name : `${at.under}/${name}`,
    parents: at.under === '' ? [] : [...at.parents, { path: at.under, node: at.node }],
  };
}

/** In order of path, without what is inside another match. */
function outermost(matches: readonly ParentsMatch[]): readonly ParentsMatch[] {
  const directories = new Set<BytePath>();
  for (const { node, under } of matches) if (node.stat.type === 'directory') directories.add(under);
  return matches
    .filter(({ parents }) => !parents.some(({ path }) => directories.has(path)))
    .sort((a, b) => (a.under < b.under ? -1 : a.under > b.under ? 1 : 0));
}
