import { displayPath, type FileNode, type FileTree, type Store } from '../../layers/index.ts';
import { ApiError } from './errors.ts';
import type { BuiltPlatform } from './outputs.ts';
import { digestOfNode } from './read-node.ts';

/** Throws `NOT_REPRODUCIBLE` unless a second build, without the cache, has made the very same image. */
export function requireSame(store: Store, first: BuiltPlatform, second: BuiltPlatform): void {
  const [one, other] = [first.image.descriptor.digest, second.image.descriptor.digest];
  if (one === other) return;
  const why = firstDifference(store, first, second);
  throw new ApiError(
    'NOT_REPRODUCIBLE',
    one,
    `not reproducible: two builds gave ${one} and ${other}: ${why}`,
  );
}

function firstDifference(store: Store, first: BuiltPlatform, second: BuiltPlatform): string {
  const [one, other] = [first.image.config.rootfs.diff_ids, second.image.config.rootfs.diff_ids];
  const index = one.findIndex((diffId, at) => diffId !== other[at]);
  if (index < 0) return 'their configurations differ';
  const steps = (first.image.config.history ?? []).filter(({ empty_layer }) => empty_layer !== true);
  const step = steps[index]?.created_by ?? `layer ${index + 1}`;
  const trees = [first, second].map(({ layers }) => store.snapshots.view([layers[index]!]));
  const entry = differingEntry(trees[0]!, trees[1]!, '/');
  const where = entry === undefined ? 'its layer' : `${displayPath(entry.path)} (${entry.what})`;
  const hint = entry?.what === 'time' && first.epoch === undefined ? '; set SOURCE_DATE_EPOCH' : '';
  return `${step} made another ${where}${hint}`;
}

interface Difference {
  readonly path: string;
  /** What of the entry is another. */
  readonly what: string;
}

/** The first entry in the order of names that is not the same in both; times alone count last. */
function differingEntry(one: FileTree, other: FileTree, path: string): Difference | undefined {
  const differences = [...differingEntries(one, other, path)];
  return differences.find(({ what }) => what !== 'time') ?? differences[0];
}

function* differingEntries(one: FileTree, other: FileTree, path: string): Generator<Difference> {
  const [directory, its] = [one.lookup(path), other.lookup(path)];
  if (directory === undefined || its === undefined) return;
  const [left, right] = [one.children(directory), other.children(its)];
  const names = new Map(right.map((node) => [node.path, node]));
  for (const node of left) {
    const match = names.get(node.path);
    names.delete(node.path);
    if (match === undefined) yield { path: node.path, what: 'presence' };
    else {
      const what = differing(one, node, other, match);
      if (what !== undefined) yield { path: node.path, what };
      if (node.stat.type === 'directory') yield* differingEntries(one, other, node.path);
    }
  }
  for (const added of names.keys()) yield { path: added, what: 'presence' };
}

function differing(one: FileTree, node: FileNode, other: FileTree, match: FileNode): string | undefined {
  const [a, b] = [node.stat, match.stat];
  if (a.type !== b.type) return 'kind';
  if (a.mode !== b.mode) return 'mode';
  if (a.uid !== b.uid || a.gid !== b.gid) return 'owner';
  if (a.type === 'symlink' && one.readlink(node) !== other.readlink(match)) return 'target';
  if (a.type === 'file' && (a.size !== b.size || !sameContent(one, node, other, match))) return 'content';
  return a.mtimeNs === b.mtimeNs ? undefined : 'time';
}

function sameContent(one: FileTree, node: FileNode, other: FileTree, match: FileNode): boolean {
  return digestOfNode(one, node) === digestOfNode(other, match);
}
