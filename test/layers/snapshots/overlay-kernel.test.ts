import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BytePath, FileTree } from '../../../layers/index.ts';
import * as inode from '../../../layers/linux/inode.ts';
import { DescriptorPool } from '../../../layers/snapshots/descriptor-pool.ts';
import { directoryTree } from '../../../layers/snapshots/directory-tree.ts';
import { LayerStack } from '../../../layers/snapshots/layer-stack.ts';
import { MergedTree } from '../../../layers/snapshots/merged-tree.ts';
import { isWhiteout } from '../../../layers/snapshots/overlay-marks.ts';
import { removeRedundantMarks } from '../../../layers/snapshots/redundant-marks.ts';
import { UpperDirectory } from '../../../layers/snapshots/upper-directory.ts';
import { UpperWriter } from '../../../layers/snapshots/upper-writer.ts';
import { mountOverlay, whyNoOverlay } from '../../support/kernel-overlay.ts';
import { operationsOn, perform, performByWriter } from '../../support/random-operations.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { listTree } from '../../support/tree-listing.ts';

const reason = whyNoOverlay();
if (reason !== undefined) console.warn(`Skipping the comparison with overlayfs: ${reason}`);

const SPACE = 'trusted.overlay.';
let folder: string;
let pool: DescriptorPool;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'overlay-'));
  pool = new DescriptorPool();
});

afterEach(() => {
  pool.forgetAll();
  rmSync(folder, { recursive: true, force: true });
});

function makeDirectory(name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { mode: 0o755 });
  return path;
}

const stackOf = (directories: readonly string[]) =>
  new LayerStack(
    directories.map((path) => ({ directory: () => path })),
    SPACE,
    pool,
  );

/** Entries of an upper directory as they are, with the marks. */
function rawListing(directory: string): string[] {
  const tree = directoryTree(directory);
  const lines: string[] = [];
  const root = inode.openAt(inode.AT_FDCWD, directory, inode.O.DIRECTORY);
  const visit = (path: BytePath) => {
    for (const node of tree.children(tree.lookup(path)!)) {
      const opaque = inode.getXattr(root, node.path.slice(1), `${SPACE}opaque`)?.toString();
      lines.push(`${node.path} ${isWhiteout(node.stat) ? 'whiteout' : node.stat.type} ${opaque ?? ''}`);
      if (node.stat.type === 'directory') visit(node.path);
    }
  };
  visit('/');
  inode.close(root);
  tree.close();
  return lines;
}

/** Makes layers by changing mounted overlays, one on top of the other. */
async function makeLayers(count: number, seed: number): Promise<string[]> {
  const layers: string[] = [makeDirectory('empty')];
  for (let index = 0; index < count; index++) {
    const upper = makeDirectory(`layer${index}`);
    const work = makeDirectory(`layer${index}.work`);
    const mounted = await mountOverlay({ lower: layers, upper, work }, join(folder, 'merged'));
    const tree = directoryTree(mounted.path);
    for (const operation of operationsOn(tree, seededRandom(seed + index), 25))
      perform(mounted.path, operation);
    tree.close();
    await mounted.unmount();
    layers.push(upper);
  }
  return layers;
}

describe.skipIf(reason !== undefined)('compared with overlayfs', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'MergedTree and UpperWriter agree with the kernel on random trees (seed %i)',
    async (seed) => {
      const layers = await makeLayers(3, seed * 100);
      const ours = { lower: layers, upper: makeDirectory('upper'), work: makeDirectory('work') };
      const theirs = {
        lower: layers,
        upper: makeDirectory('upper-theirs'),
        work: makeDirectory('work-theirs'),
      };
      const lower = stackOf(layers);
      const writer = new UpperWriter(lower, new UpperDirectory(ours.upper, SPACE, pool));
      const readOnly = await mountOverlay({ lower: layers }, join(folder, 'merged'));
      const seen = directoryTree(readOnly.path);
      expect(listTree(new MergedTree(lower), { directoryTimes: true })).toEqual(
        listTree(seen, { directoryTimes: true }),
      );
      seen.close();
      await readOnly.unmount();

      const mounted = await mountOverlay(theirs, join(folder, 'merged'));
      const theirTree = directoryTree(mounted.path);
      for (const operation of operationsOn(theirTree, seededRandom(seed), 40)) {
        perform(mounted.path, operation);
        performByWriter(writer, operation);
        expect(listTree(writer.tree), inspect(operation)).toEqual(listTree(theirTree));
      }
      const expected = listTree(theirTree);
      theirTree.close();
      await mounted.unmount();
      writer.finish();

      const remounted = await mountOverlay(ours, join(folder, 'merged'));
      const ourTree = directoryTree(remounted.path);
      expect(listTree(ourTree)).toEqual(expected);
      expect(listTree(mergedWith(lower, ours.upper), { directoryTimes: true })).toEqual(
        listTree(ourTree, { directoryTimes: true }),
      );
      ourTree.close();
      await remounted.unmount();

      const root = inode.openAt(inode.AT_FDCWD, theirs.upper, inode.O.DIRECTORY);
      removeRedundantMarks(root, lower, SPACE);
      inode.close(root);
      expect(rawListing(ours.upper)).toEqual(rawListing(theirs.upper));
    },
  );
});

function mergedWith(lower: LayerStack, upper: string): FileTree {
  return new MergedTree(lower, new UpperDirectory(upper, SPACE, pool));
}
