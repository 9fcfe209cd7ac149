import type { BytePath } from './file-tree.ts';
import { components, join } from './path.ts';
import type { Attributes, TreeWriter } from './tree-writer.ts';

/** Makes a directory and what is missing above it, with the same attributes each. False when it was there. */
export function makeAll(writer: TreeWriter, path: BytePath, attributes: Attributes): boolean {
  const resolved = writer.resolve(path);
  if (writer.tree.lookup(resolved)?.stat.type === 'directory') return false;
  let directory: BytePath = '/';
  for (const name of components(resolved)) {
    directory = join(directory, name);
    if (writer.tree.lookup(directory)?.stat.type !== 'directory') writer.mkdir(directory, attributes);
  }
  return true;
}
