import { type ActiveSnapshot, bytePath, type FileTree, type Store } from '../../layers/index.ts';
import { selectionDigest } from './content-digest.ts';
import { Copier } from './file/copy.ts';
import { notFound } from './file/not-found.ts';
import { nameOf } from './file/paths.ts';
import type { SelectedRoot } from './file/select.ts';
import { FramedHash } from './framed-hash.ts';
import { Pace } from './pace.ts';
import { LocalTree } from './source-local.ts';

/** One file or directory of a tree as a whole, literally named: the source of a mount. */
function selected(tree: FileTree, source: string): SelectedRoot {
  const node = tree.lookup(bytePath(source), { follow: true });
  if (node === undefined) throw notFound(tree, bytePath(source), source);
  return { node, name: nameOf(node.path), under: '', parents: [] };
}

/** Hex sha256 of everything at and below `source`: names, types, modes, owners, contents; no times. */
export function subtreeDigest(tree: FileTree, source: string, signal: AbortSignal): Promise<string> {
  // Files of the host have whatever owner their checkout has: in a build they are root's.
  const owners = !(tree instanceof LocalTree);
  return selectionDigest(tree, [selected(tree, source)], { modes: true, owners }, new Pace(signal));
}

/** What the digest of a subtree of layers can be remembered by. */
export function subtreeKey(diffIds: readonly string[], source: string): string {
  const hash = new FramedHash('tsbuild subtree 1').uint32(diffIds.length);
  for (const diffId of diffIds) hash.text(diffId);
  return hash.text(source).digest().toString('hex');
}

/** A snapshot that holds a copy of what is at `source`, at `destination`; the caller aborts it. */
export async function copySubtree(
  store: Store,
  tree: FileTree,
  source: string,
  destination: string,
  signal: AbortSignal,
): Promise<ActiveSnapshot> {
  const root = selected(tree, source);
  const snapshot = store.snapshots.prepare([]);
  try {
    const writer = snapshot.writer();
    const owner = tree instanceof LocalTree ? { uid: 0, gid: 0 } : undefined;
    const parents = { uid: 0, gid: 0, mode: 0o755 };
    const copier = new Copier(tree, writer, { owner, mode: undefined, parents }, new Pace(signal));
    await copier.copy(root, bytePath(destination));
    if (root.node.stat.type === 'directory') {
      const { uid, gid, mode, mtimeNs } = root.node.stat;
      writer.setAttributes(bytePath(destination), { mode, mtimeNs, ...(owner ?? { uid, gid }) });
    }
    writer.finish();
    return snapshot;
  } catch (error) {
    snapshot.abort();
    throw error;
  }
}
