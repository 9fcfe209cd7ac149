import { expect, test } from 'vitest';
import { type DigestScope, selectionDigest } from '../../../src/ops/content-digest.ts';
import { selectSources } from '../../../src/ops/file/select.ts';
import { Pace } from '../../../src/ops/pace.ts';
import { MemoryTree, type Sketch } from '../../support/memory-tree.ts';
import { shortListing } from '../../support/tree-listing.ts';

type Sketches = Readonly<Record<string, Sketch>>;

interface Options extends Partial<DigestScope> {
  readonly exclude?: readonly string[];
  readonly parents?: boolean;
}

function digestOf(files: Sketches | MemoryTree, sources: string | readonly string[], options: Options = {}) {
  const { exclude = [], parents = false, modes = true, owners = false } = options;
  const tree = files instanceof MemoryTree ? files : new MemoryTree(files);
  const patterns = typeof sources === 'string' ? [sources] : sources;
  const selected = selectSources(tree, { sources: patterns, display: patterns, exclude, parents });
  const roots = selected.flatMap((source) => source.roots);
  return selectionDigest(tree, roots, { modes, owners }, new Pace(new AbortController().signal));
}

const BASE: Sketches = {
  '/d/a': 'alpha',
  '/d/sub/b': 'beta',
  '/d/link': { target: 'a' },
  '/e': { content: 'epsilon', xattrs: { 'user.k': 'v' } },
};

test('selectionDigest() is the same for the same files, whatever their times and inodes', async () => {
  const other = { ...BASE, '/d/a': { content: 'alpha', mtime: 5 } };
  expect(await digestOf(other, 'd')).toBe(await digestOf(BASE, 'd'));
  expect(await digestOf(BASE, 'd')).toMatch(/^[0-9a-f]{64}$/);
});

test.each<[string, Sketches]>([
  ['content', { '/d/a': 'alphb' }],
  ['a longer content', { '/d/a': 'alpha\0' }],
  ['an empty file', { '/d/a': '' }],
  ['a mode', { '/d/a': { content: 'alpha', mode: 0o755 } }],
  ["a directory's mode", { '/d/sub': { type: 'directory', mode: 0o700 } }],
  ['a link target', { '/d/link': { target: 'sub' } }],
  ['a file in place of a link', { '/d/link': 'a' }],
  ['an extended attribute', { '/d/a': { content: 'alpha', xattrs: { 'user.k': 'v' } } }],
  ['one more file', { '/d/z': '' }],
  ['one more directory', { '/d/z': { type: 'directory' } }],
  ['a FIFO', { '/d/z': { type: 'fifo' } }],
])('selectionDigest() differs by %s', async (_what, change) => {
  expect(await digestOf({ ...BASE, ...change }, 'd')).not.toBe(await digestOf(BASE, 'd'));
});

test('selectionDigest() differs by the numbers of a device', async () => {
  const device = (device: readonly [number, number]) => digestOf({ '/d/n': { type: 'char', device } }, 'd');
  expect(await device([1, 3])).not.toBe(await device([1, 5]));
  expect(await device([1, 3])).not.toBe(await device([3, 1]));
});

test('selectionDigest() knows a hard link from a copy', async () => {
  const linked = { '/d/a': 'same', '/d/b': { linkTo: '/d/a' } };
  const copied = { '/d/a': 'same', '/d/b': 'same' };
  expect(await digestOf(linked, 'd')).not.toBe(await digestOf(copied, 'd'));
  const outside = { '/d/a': 'same', '/d/b': 'same', '/x': { linkTo: '/d/a' } };
  expect(await digestOf(outside, 'd')).toBe(await digestOf(copied, 'd'));
});

test('selectionDigest() counts owners and modes only where they show', async () => {
  const owned: Sketches = { ...BASE, '/d/a': { content: 'alpha', owner: [5, 6] } };
  expect(await digestOf(owned, 'd')).toBe(await digestOf(BASE, 'd'));
  expect(await digestOf(owned, 'd', { owners: true })).not.toBe(await digestOf(BASE, 'd', { owners: true }));
  const executable: Sketches = { ...BASE, '/d/a': { content: 'alpha', mode: 0o755 } };
  expect(await digestOf(executable, 'd', { modes: false })).toBe(await digestOf(BASE, 'd', { modes: false }));
});

test('selectionDigest() counts only what is selected', async () => {
  expect(await digestOf({ ...BASE, '/e': 'other', '/f': '' }, 'd')).toBe(await digestOf(BASE, 'd'));
  const exclude = ['sub'];
  expect(await digestOf({ ...BASE, '/d/sub/c': '' }, 'd', { exclude })).toBe(
    await digestOf(BASE, 'd', { exclude }),
  );
});

test('selectionDigest() does not count the metadata of a directory whose content is taken', async () => {
  expect(await digestOf({ ...BASE, '/d': { type: 'directory', mode: 0o700 } }, 'd')).toBe(
    await digestOf(BASE, 'd'),
  );
});

test('selectionDigest() differs by the name of a file, not of a directory whose content is taken', async () => {
  expect(await digestOf({ '/x1': 'c' }, 'x*')).not.toBe(await digestOf({ '/x2': 'c' }, 'x*'));
  expect(await digestOf({ '/x1/f': 'c' }, 'x*')).toBe(await digestOf({ '/x2/f': 'c' }, 'x*'));
  const parents = true;
  expect(await digestOf({ '/x1/f': 'c' }, 'x*', { parents })).not.toBe(
    await digestOf({ '/x2/f': 'c' }, 'x*', { parents }),
  );
});

test('selectionDigest() differs by the mode of a directory that --parents makes', async () => {
  const files = (mode: number): Sketches => ({ '/x/y/f': '', '/x': { type: 'directory', mode } });
  const parents = true;
  expect(await digestOf(files(0o755), 'x/y/f', { parents })).not.toBe(
    await digestOf(files(0o700), 'x/y/f', { parents }),
  );
});

test('selectionDigest() differs by the order of sources', async () => {
  const files = { '/a': '1', '/b': '2' };
  expect(await digestOf(files, ['a', 'b'])).not.toBe(await digestOf(files, ['b', 'a']));
});

test('selectionDigest() of every tree out of many small ones is its own', async () => {
  const texts = ['', 'a', 'b', 'ab', 'a/b', 'a\0b'];
  const names = ['a', 'b', 'ab', 'a\n', 'b\x01'];
  const trees: Sketches[] = [{ '/d': { type: 'directory' } }];
  for (const name of names) {
    trees.push({ [`/d/${name}`]: { type: 'directory' } }, { [`/d/${name}`]: { type: 'fifo' } });
    for (const text of texts) {
      trees.push(
        { [`/d/${name}`]: text },
        { [`/d/${name}`]: { target: text || '.' } },
        { [`/d/${name}/a`]: text },
        { [`/d/${name}/a`]: text, '/d/b': '' },
        { [`/d/${name}/a`]: text, [`/d/${name}/b`]: '' },
        { [`/d/${name}`]: { content: '', xattrs: { 'user.a': text } } },
        { [`/d/${name}`]: { content: '', xattrs: { 'user.a': '', 'user.b': text } } },
        { [`/d/${name}`]: { content: text, xattrs: { 'user.a': '' } } },
      );
    }
  }
  const shapes = new Map<string, string>();
  for (const sketch of trees) {
    const tree = new MemoryTree(sketch);
    const listing = shortListing(tree);
    const attributes = Object.keys(listing).map((path) =>
      tree.xattrs(tree.lookup(path)!).map(([name, value]) => [name, value.toString('hex')]),
    );
    const shape = JSON.stringify([listing, attributes]);
    const digest = await digestOf(tree, 'd');
    expect(shapes.get(digest) ?? shape, `${shape} has the digest of another`).toBe(shape);
    shapes.set(digest, shape);
  }
  expect(shapes.size).toBeGreaterThan(150);
});

test('selectionDigest() reads files of several chunks whole', async () => {
  const big = Buffer.alloc(3 * 1024 * 1024 + 7, 'x');
  const changed = Buffer.from(big);
  changed[changed.length - 1] = 0;
  const exact = Buffer.alloc(1024 * 1024, 'x');
  const digests = await Promise.all(
    [big, changed, exact, exact.subarray(1)].map((content) => digestOf({ '/f': { content } }, 'f')),
  );
  expect(new Set(digests).size).toBe(4);
});

test('selectionDigest() works for several trees at once', async () => {
  const big = { '/f': { content: Buffer.alloc(2 * 1024 * 1024, 'a') } };
  const other = { '/f': { content: Buffer.alloc(2 * 1024 * 1024, 'b') } };
  const [first, second, third] = await Promise.all([
    digestOf(big, 'f'),
    digestOf(other, 'f'),
    digestOf(big, 'f'),
  ]);
  expect(first).toBe(third);
  expect(first).not.toBe(second);
});
