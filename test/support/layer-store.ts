import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { FileNode, FileTree, Layer, Store, TreeWriter } from '../../layers/index.ts';
import { openStore } from '../../layers/index.ts';
import { MemoryTree, type Sketch } from './memory-tree.ts';
import { tempFolder } from './temp-folder.ts';

/** A new store for the running test, with layers as overlayfs has them. */
export function layerStore(): Store {
  const store = openStore(join(tempFolder(), 'store'));
  onTestFinished(() => store.close());
  return store;
}

/** A layer with the files of a sketch. */
export function sketchLayer(store: Store, sketch: Readonly<Record<string, Sketch>>): Layer {
  const snapshot = store.snapshots.prepare([]);
  const writer = snapshot.writer();
  copyAll(new MemoryTree(sketch), writer);
  writer.finish();
  return snapshot.commit();
}

function copyAll(tree: FileTree, writer: TreeWriter): void {
  const first = new Map<bigint, string>();
  const visit = (node: FileNode) => {
    const existing = first.get(node.stat.ino);
    if (existing !== undefined) writer.link(node.path, existing);
    else writer.copy(node.path, tree, node, {});
    if (node.stat.type === 'directory') for (const child of tree.children(node)) visit(child);
    else first.set(node.stat.ino, node.path);
  };
  visit(tree.lookup('/')!);
}
