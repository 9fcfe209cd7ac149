import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StoreError } from '../../../layers/errors.ts';
import type { SystemCallError } from '../../../layers/linux/errno.ts';
import * as inode from '../../../layers/linux/inode.ts';
import { DescriptorPool } from '../../../layers/snapshots/descriptor-pool.ts';
import { directoryTree } from '../../../layers/snapshots/directory-tree.ts';
import type { BytePath, FileTree } from '../../../layers/snapshots/file-tree.ts';
import { LayerStack } from '../../../layers/snapshots/layer-stack.ts';
import { MergedTree } from '../../../layers/snapshots/merged-tree.ts';
import { isWhiteout } from '../../../layers/snapshots/overlay-marks.ts';
import { removeRedundantMarks } from '../../../layers/snapshots/redundant-marks.ts';
import { UpperDirectory } from '../../../layers/snapshots/upper-directory.ts';
import { UpperWriter } from '../../../layers/snapshots/upper-writer.ts';
import { mountOverlay, whyNoOverlay } from '../../support/kernel-overlay.ts';
import { operationsOn, perform, performByWriter } from '../../support/random-operations.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { listTree } from '../../support/tree-listing.ts';

const reason = whyNoOverlay();
if (reason !== undefined) console.warn(`Skipping the comparison with overlayfs: ${reason}`);

const { EAGAIN } = constants.errno;
const SPACE = 'trusted.overlay.';
let folder: string;
let pool: DescriptorPool;

beforeEach(() => {
  folder = tempFolder();
  pool = new DescriptorPool();
});

afterEach(() => {
  pool.forgetAll();
});

function makeDirectory(name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { mode: 0o755 });
  return path;
}

const stackOf = (directories: readonly string[]) =>
  new LayerStack(
    directories.map((path) => ({ directory: () => path })),
    { space: SPACE, pool },
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

test.skipIf(reason !== undefined).each([1, 2, 3, 4])(
  'MergedTree resolves paths through symlinks as the kernel does in a root (seed %i)',
  async (seed) => {
    const random = seededRandom(seed);
    const layers = [makeDirectory('layer0'), makeDirectory('layer1')];
    const mounted = await mountOverlay(
      { lower: layers.slice(0, 1), upper: layers[1]!, work: makeDirectory('work') },
      join(folder, 'merged'),
    );
    const parts = ['a', 'b', 'c', 'l', 'm', 'n', '..', '.', ''];
    const path = () => Array.from({ length: 1 + random.below(5) }, () => random.pick(parts)).join('/');
    for (const name of ['a', 'a/a', 'a/b', 'b', 'b/c', 'b/c/a']) mkdirSync(join(mounted.path, name));
    writeFileSync(join(mounted.path, 'a/c'), '');
    for (const directory of ['', 'a/', 'a/b/', 'b/', 'b/c/'])
      for (const name of ['l', 'm', 'n'])
        symlinkSync((random.chance(50) ? '/' : '') + path() || '.', join(mounted.path, directory, name));
    const tree = new MergedTree(stackOf(layers));
    const root = inode.openAt(inode.AT_FDCWD, mounted.path, inode.O.DIRECTORY);
    const seen = { found: 0, absent: 0, loops: 0 };
    for (let round = 0; round < 1000; round++) {
      const asked = `/${path()}`.replace(/\/+(\.\/*)*$/, '') || '/';
      for (const follow of [true, false]) {
        const expected = kernelLookup(root, asked, follow);
        expect(ourLookup(tree, asked, follow), `${asked} ${follow}`).toBe(expected);
        if (expected === undefined) seen.absent++;
        else if (expected === 'ELOOP') seen.loops++;
        else seen.found++;
      }
    }
    inode.close(root);
    await mounted.unmount();
    expect(Math.min(seen.found, seen.absent), inspect(seen)).toBeGreaterThan(100);
  },
);

/** Where a path leads, as openat2(2) says. */
function kernelLookup(root: number, path: BytePath, follow: boolean): BytePath | undefined {
  const flags = inode.O.PATH | (follow ? 0 : inode.O.NOFOLLOW);
  try {
    const fd = openInRoot(root, path, flags);
    const found = readlinkSync(`/proc/self/fd/${fd}`).slice(readlinkSync(`/proc/self/fd/${root}`).length);
    inode.close(fd);
    return found.startsWith('/') || found === '' ? found || '/' : `/${found}`;
  } catch (error) {
    const { code } = error as SystemCallError;
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
    return code === 'ELOOP' ? 'ELOOP' : undefined;
  }
}

/** The kernel gives up on `..` (EAGAIN) while anything anywhere is renamed or mounted. */
function openInRoot(root: number, path: BytePath, flags: number): number {
  for (let attempt = 0; ; attempt++) {
    try {
      return inode.openAt2(root, path, flags, inode.RESOLVE.IN_ROOT);
    } catch (error) {
      if ((error as SystemCallError).errno !== EAGAIN || attempt > 1000) throw error;
    }
  }
}

function ourLookup(tree: FileTree, path: BytePath, follow: boolean): BytePath | undefined {
  try {
    return tree.lookup(path, { follow })?.path;
  } catch (error) {
    if (error instanceof StoreError && /too many symbolic links/.test(error.message)) return 'ELOOP';
    throw error;
  }
}

function mergedWith(lower: LayerStack, upper: string): FileTree {
  return new MergedTree(lower, new UpperDirectory(upper, SPACE, pool));
}
