import type { BytePath, FileNode, FileTree } from '../../../layers/index.ts';
import type { IgnoreMatcher } from '../../llb/ignore-patterns.ts';
import { below, nameOf, textOf } from './paths.ts';

/** What `--exclude` leaves out below a root. */
export interface Exclusion {
  readonly matcher: IgnoreMatcher;
  /** Relative path that the patterns know the root by; empty when they are relative to the root itself. */
  readonly rootPath: string;
}

export interface WalkedEntry {
  readonly node: FileNode;
  /** Below the root. */
  readonly path: BytePath;
  /** A directory that is itself excluded and only there for what is below it. */
  readonly implied: boolean;
}

/** Everything below a directory (itself not) that is not excluded: directories before what they hold, names bytewise. */
export function* walk(tree: FileTree, root: FileNode, exclusion?: Exclusion): Generator<WalkedEntry> {
  yield* walkDirectory(tree, root, '', exclusion);
}

function* walkDirectory(
  tree: FileTree,
  directory: FileNode,
  path: BytePath,
  exclusion: Exclusion | undefined,
): Generator<WalkedEntry> {
  for (const node of tree.children(directory)) {
    const name = nameOf(node.path);
    const entry = { node, path: path === '' ? name : `${path}/${name}`, implied: false };
    const isDirectory = node.stat.type === 'directory';
    if (exclusion === undefined || !exclusion.matcher.ignored(known(exclusion, entry.path))) {
      yield entry;
      if (isDirectory) yield* walkDirectory(tree, node, entry.path, exclusion);
    } else if (isDirectory && !exclusion.matcher.prunable(known(exclusion, entry.path))) {
      yield* withParent({ ...entry, implied: true }, walkDirectory(tree, node, entry.path, exclusion));
    }
  }
}

/** The parent first, if there is anything at all. */
function* withParent(parent: WalkedEntry, entries: Generator<WalkedEntry>): Generator<WalkedEntry> {
  let first = true;
  for (const entry of entries) {
    if (first) yield parent;
    first = false;
    yield entry;
  }
}

function known(exclusion: Exclusion, path: BytePath): string {
  const text = textOf(path);
  return exclusion.rootPath === '' ? text : below(exclusion.rootPath, text);
}
