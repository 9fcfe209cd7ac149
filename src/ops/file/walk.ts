import type { BytePath, FileNode, FileTree } from '../../../layers/index.ts';
import type { IgnoreMatcher } from '../../llb/ignore-patterns.ts';
import { nameOf, textOf } from './paths.ts';

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

interface Level {
  readonly nodes: readonly FileNode[];
  next: number;
  /** Path below the root with a slash at the end; empty for the root. */
  readonly prefix: BytePath;
  /** The excluded directory that these are in, until something in it turns out to be wanted. */
  implied: WalkedEntry | undefined;
}

/** Everything below a directory (itself not) that is not excluded: directories before what they hold, names bytewise. */
export function* walk(tree: FileTree, root: FileNode, exclusion?: Exclusion): Generator<WalkedEntry> {
  const levels: Level[] = [{ nodes: tree.children(root), next: 0, prefix: '', implied: undefined }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const node = level.nodes[level.next++];
    if (node === undefined) {
      levels.pop();
      continue;
    }
    const path = level.prefix + nameOf(node.path);
    const fate = exclusion === undefined ? 'wanted' : fateOf(node, path, exclusion);
    if (fate === 'unwanted') continue;
    const entry = { node, path, implied: fate === 'searched' };
    if (fate === 'wanted') {
      if (exclusion !== undefined) yield* impliedIn(levels);
      yield entry;
    }
    if (node.stat.type === 'directory') {
      const implied = fate === 'searched' ? entry : undefined;
      levels.push({ nodes: tree.children(node), next: 0, prefix: `${path}/`, implied });
    }
  }
}

/** The excluded directories above an entry that is wanted, each once. */
function* impliedIn(levels: readonly Level[]): Generator<WalkedEntry> {
  for (const level of levels) {
    if (level.implied !== undefined) yield level.implied;
    level.implied = undefined;
  }
}

/** `searched`: a directory that is excluded, but may hold something that is not. */
function fateOf(
  node: FileNode,
  path: BytePath,
  { matcher, rootPath }: Exclusion,
): 'wanted' | 'unwanted' | 'searched' {
  const text = textOf(path);
  const known = rootPath === '' ? text : `${rootPath}/${text}`;
  if (!matcher.ignored(known)) return 'wanted';
  return node.stat.type === 'directory' && !matcher.prunable(known) ? 'searched' : 'unwanted';
}
