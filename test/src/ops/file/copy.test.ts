import { describe, expect, test } from 'vitest';
import type { FileTree, TreeWriter } from '../../../../layers/index.ts';
import { modeRule } from '../../../../src/ops/file/chmod.ts';
import { Copier, type CopyRules } from '../../../../src/ops/file/copy.ts';
import { ROOT } from '../../../../src/ops/file/owner.ts';
import { selectSources } from '../../../../src/ops/file/select.ts';
import { Pace } from '../../../../src/ops/pace.ts';
import { layerStore, sketchLayer } from '../../../support/layer-store.ts';
import { MemoryTree, MemoryWriter, type Sketch } from '../../../support/memory-tree.ts';
import { shortListing } from '../../../support/tree-listing.ts';

const CONTEXT_RULES: CopyRules = { owner: ROOT, mode: undefined, parents: { ...ROOT, mode: 0o755 } };

interface Case {
  readonly from: Readonly<Record<string, Sketch>>;
  readonly onto?: Readonly<Record<string, Sketch>>;
  readonly rules?: Partial<CopyRules>;
  readonly parents?: boolean;
  readonly exclude?: readonly string[];
}

/** Where a copy is read from, what writes it, and what it then looks like. */
interface Stage {
  readonly tree: FileTree;
  readonly writer: TreeWriter;
  readonly result: () => FileTree;
}

const stages: Readonly<Record<string, (given: Case) => Stage>> = {
  'in memory': ({ from, onto = {} }) => {
    const root = new MemoryTree(onto);
    return { tree: new MemoryTree(from), writer: new MemoryWriter(root), result: () => root };
  },
  'from layer to layer': ({ from, onto = {} }) => {
    const store = layerStore();
    const base = sketchLayer(store, onto);
    const snapshot = store.snapshots.prepare([base]);
    const tree = store.snapshots.view([sketchLayer(store, from)]);
    const result = () => store.snapshots.view([base, snapshot.commit()]);
    return { tree, writer: snapshot.writer(), result };
  },
};

const reason = process.getuid!() === 0 ? undefined : 'only root may give files away and make devices';
if (reason !== undefined) console.warn(`Skipping copies between real layers: ${reason}`);

describe.each(Object.keys(stages).filter((name) => name === 'in memory' || reason === undefined))(
  'Copier, %s',
  (name) => {
    const copyInto = async (
      sources: readonly string[],
      destination: string,
      given: Case,
    ): Promise<FileTree> => {
      const { rules = {}, parents = false, exclude = [] } = given;
      const { tree, writer, result } = stages[name]!(given);
      const pace = new Pace(new AbortController().signal);
      const copier = new Copier(tree, writer, { ...CONTEXT_RULES, ...rules }, pace);
      for (const { roots } of selectSources(tree, { sources, display: sources, exclude, parents })) {
        if (parents) await copier.copyWithParents(roots, destination);
        else for (const selected of roots) await copier.copy(selected, destination);
      }
      writer.finish();
      return result();
    };
    const copied = async (...given: Parameters<typeof copyInto>) => shortListing(await copyInto(...given));

    const FILE = { '/src/f': { content: 'new', mode: 0o640, owner: [5, 6] as const } };

    test.each([
      ['onto its name', '/f', {}, { '/f': 'f 640 0:0 new' }],
      ['into a destination with a slash', '/d/', {}, { '/d': 'd 755 0:0', '/d/f': 'f 640 0:0 new' }],
      ['into a destination that ends in a dot', '/d/.', {}, { '/d': 'd 755 0:0', '/d/f': 'f 640 0:0 new' }],
      [
        'into an existing directory, which stays as it is',
        '/d',
        { '/d': { type: 'directory', mode: 0o700, owner: [7, 7] } },
        { '/d': 'd 700 7:7', '/d/f': 'f 640 0:0 new' },
      ],
      [
        'to a new name, making the directories above',
        '/a/b/c',
        {},
        { '/a': 'd 755 0:0', '/a/b': 'd 755 0:0', '/a/b/c': 'f 640 0:0 new' },
      ],
      ['over an existing file', '/f', { '/f': 'old' }, { '/f': 'f 640 0:0 new' }],
      [
        'through a symlink that the destination is',
        '/link',
        { '/link': { target: 'target' }, '/target': 'old' },
        { '/link': 'l 0:0 -> target', '/target': 'f 640 0:0 new' },
      ],
      [
        'through a dangling symlink',
        '/link',
        { '/link': { target: '/t/new' }, '/t/x': '' },
        { '/link': 'l 0:0 -> /t/new', '/t': 'd 755 0:0', '/t/new': 'f 640 0:0 new', '/t/x': 'f 644 0:0 ' },
      ],
      [
        'over a symlink of its name in the destination directory',
        '/d/',
        { '/d/f': { target: '../target' }, '/target': 'old' },
        { '/d': 'd 755 0:0', '/d/f': 'f 640 0:0 new', '/target': 'f 644 0:0 old' },
      ],
      [
        'into a directory behind an absolute and an escaping symlink, inside the root',
        '/link/',
        { '/link': { target: '/../../up' }, '/up': { target: '../../d' }, '/d/x': '' },
        {
          '/d': 'd 755 0:0',
          '/d/f': 'f 640 0:0 new',
          '/d/x': 'f 644 0:0 ',
          '/link': 'l 0:0 -> /../../up',
          '/up': 'l 0:0 -> ../../d',
        },
      ],
    ] as const)('puts a file %s', async (_what, destination, onto, expected) => {
      expect(await copied(['src/f'], destination, { from: FILE, onto })).toEqual(expected);
    });

    const TREE = {
      '/src': { type: 'directory' as const, mode: 0o700, mtime: 1000 },
      '/src/a': 'a',
      '/src/sub': { type: 'directory' as const, mode: 0o2711, mtime: 2000, xattrs: { 'user.k': 'v' } },
      '/src/sub/b': { content: 'b', mode: 0o600, owner: [5, 6] as const },
      '/src/sub/link': { target: '/nowhere' },
    };

    test.each(['/new', '/new/', '/new/.'])(
      "copies a directory's content to a new %s, which is 0755 whatever the source is",
      async (destination) => {
        expect(await copied(['src'], destination, { from: TREE })).toEqual({
          '/new': 'd 755 0:0',
          '/new/a': 'f 644 0:0 a',
          '/new/sub': 'd 2711 0:0',
          '/new/sub/b': 'f 600 0:0 b',
          '/new/sub/link': 'l 0:0 -> /nowhere',
        });
      },
    );

    test('keeps times, attributes of directories, and owners where asked', async () => {
      const root = await copyInto(['src'], '/new', { from: TREE, rules: { owner: undefined } });
      expect(root.lookup('/new')!.stat.mtimeNs).toBe(1_000_000_000_000n);
      expect(root.lookup('/new/sub')!.stat.mtimeNs).toBe(2_000_000_000_000n);
      expect(root.xattrs(root.lookup('/new/sub')!)).toEqual([['user.k', Buffer.from('v')]]);
      expect(root.xattrs(root.lookup('/new')!)).toEqual([]);
      expect(shortListing(root)).toMatchObject({ '/new': 'd 755 0:0', '/new/sub/b': 'f 600 5:6 b' });
    });

    test('merges into existing directories: nested ones take the metadata of the source', async () => {
      const onto = {
        '/d': { type: 'directory' as const, mode: 0o770, owner: [9, 9] as const },
        '/d/keep': 'k',
        '/d/a': 'old',
        '/d/sub': { type: 'directory' as const, mode: 0o777, owner: [9, 9] as const },
        '/d/sub/keep': 'k',
      };
      expect(await copied(['src'], '/d', { from: TREE, onto })).toEqual({
        '/d': 'd 770 9:9',
        '/d/a': 'f 644 0:0 a',
        '/d/keep': 'f 644 0:0 k',
        '/d/sub': 'd 2711 0:0',
        '/d/sub/b': 'f 600 0:0 b',
        '/d/sub/keep': 'f 644 0:0 k',
        '/d/sub/link': 'l 0:0 -> /nowhere',
      });
    });

    test('gives --chown to everything it makes, and --chmod to what it copies', async () => {
      const owner = { uid: 5, gid: 6 };
      const rules = { owner, mode: modeRule({ octal: 0o640 }), parents: { ...owner, mode: 0o750 } };
      expect(await copied(['src'], '/x/new', { from: TREE, rules })).toEqual({
        '/x': 'd 750 5:6',
        '/x/new': 'd 750 5:6',
        '/x/new/a': 'f 640 5:6 a',
        '/x/new/sub': 'd 640 5:6',
        '/x/new/sub/b': 'f 640 5:6 b',
        '/x/new/sub/link': 'l 5:6 -> /nowhere',
      });
    });

    test('applies a symbolic --chmod to the mode that each source has', async () => {
      const mode = modeRule({ symbolic: 'go=X,u=rwX' });
      expect(await copied(['src'], '/new', { from: TREE, rules: { mode } })).toMatchObject({
        '/new/a': 'f 600 0:0 a',
        '/new/sub': 'd 711 0:0',
        '/new/sub/b': 'f 600 0:0 b',
      });
    });

    test('keeps devices and FIFOs', async () => {
      const from = {
        '/src/null': { type: 'char' as const, device: [1, 3] as const, mode: 0o666 },
        '/src/fifo': { type: 'fifo' as const, mode: 0o600 },
      };
      const root = await copyInto(['src'], '/new', { from });
      expect(root.lookup('/new/fifo')!.stat).toMatchObject({ type: 'fifo', mode: 0o600 });
      expect(root.lookup('/new/null')!.stat).toMatchObject({
        type: 'char',
        mode: 0o666,
        rdevMajor: 1,
        rdevMinor: 3,
      });
    });

    const LINKED = { '/src/a': 'same', '/src/d/b': { linkTo: '/src/a' }, '/other': { linkTo: '/src/a' } };

    test('keeps hard links inside one source, and only there', async () => {
      const root = await copyInto(['src', 'other'], '/new/', { from: LINKED });
      const inode = (path: string) => root.lookup(path)!.stat.ino;
      expect(inode('/new/d/b')).toBe(inode('/new/a'));
      expect(inode('/new/other')).not.toBe(inode('/new/a'));
      expect(root.lookup('/new/a')!.stat.nlink).toBe(2);
    });

    test('lets the last of several sources win on a plain name', async () => {
      expect(await copied(['a', 'b'], '/new', { from: { '/a': '1', '/b': '2' } })).toEqual({
        '/new': 'f 644 0:0 2',
      });
    });

    test('makes nothing for a wildcard that matches nothing', async () => {
      expect(await copied(['nosuch*'], '/a/b/', { from: FILE })).toEqual({});
    });

    test('puts the content of matched directories flat into the destination', async () => {
      const from = { '/x/one/a': '1', '/x/two/b': '2', '/x/c': '3' };
      expect(Object.keys(await copied(['x/*'], '/d/', { from }))).toEqual(['/d', '/d/a', '/d/b', '/d/c']);
    });

    test.each([
      [
        'a file onto a directory of its name',
        'src/a',
        '/q/',
        { '/q/a/x': '' },
        'cannot replace to directory /q/a with file',
      ],
      ['a file below a file', 'src/a', '/etc/f/x', { '/etc/f': '' }, 'mkdir /etc/f: not a directory'],
      ['a file into a file', 'src/a', '/etc/f/', { '/etc/f': '' }, 'mkdir /etc/f: not a directory'],
      ['a directory onto a file', 'src', '/f', { '/f': '' }, 'cannot copy to non-directory: /f'],
      ['a directory into a file', 'src', '/f/', { '/f': '' }, 'mkdir /f: not a directory'],
      [
        'a nested directory onto a file',
        'src',
        '/q',
        { '/q/sub': '' },
        'cannot copy to non-directory: /q/sub',
      ],
      [
        'a nested directory onto a symlink',
        'src',
        '/q',
        { '/q/sub': { target: '/t' }, '/t/x': '' },
        'cannot copy to non-directory: /q/sub',
      ],
      [
        'a nested file onto a directory',
        'src',
        '/q',
        { '/q/a/x': '' },
        'cannot replace to directory /q/a with file',
      ],
    ])('refuses %s', async (_what, source, destination, onto, message) => {
      await expect(copyInto([source], destination, { from: TREE, onto })).rejects.toThrow(message);
    });

    test('makes directories that --exclude left out only for what is in them, as their source is', async () => {
      const given = { from: TREE, exclude: ['*', '!sub/b'] };
      expect(await copied(['src'], '/new', given)).toEqual({
        '/new': 'd 755 0:0',
        '/new/sub': 'd 2711 0:0',
        '/new/sub/b': 'f 600 0:0 b',
      });
      const onto = { '/new/sub': { type: 'directory' as const, mode: 0o700 } };
      expect(await copied(['src'], '/new', { ...given, onto })).toMatchObject({ '/new/sub': 'd 700 0:0' });
    });

    const PARENTS = {
      '/x/a.txt': '1',
      '/x/y/a.txt': '2',
      '/x/y/b.txt': '3',
      '/x': { type: 'directory' as const, mode: 0o750 },
      '/y/a.txt': '4',
    };

    test('keeps the source paths with --parents', async () => {
      expect(await copied(['./x/a.txt', './y/a.txt'], '/p/', { from: PARENTS, parents: true })).toEqual({
        '/p': 'd 755 0:0',
        '/p/x': 'd 750 0:0',
        '/p/x/a.txt': 'f 644 0:0 1',
        '/p/y': 'd 755 0:0',
        '/p/y/a.txt': 'f 644 0:0 4',
      });
    });

    test('drops what is before the pivot with --parents', async () => {
      const expected = {
        '/p': 'd 755 0:0',
        '/p/y': 'd 755 0:0',
        '/p/y/a.txt': 'f 644 0:0 2',
        '/p/y/b.txt': 'f 644 0:0 3',
      };
      expect(await copied(['./x/./y/*'], '/p/', { from: PARENTS, parents: true })).toEqual(expected);
      expect(await copied(['./x/./y/'], '/p', { from: PARENTS, parents: true })).toEqual(expected);
      expect(await copied(['./x/./'], '/p', { from: PARENTS, parents: true })).toEqual({
        ...expected,
        '/p/a.txt': 'f 644 0:0 1',
      });
    });

    test('makes the destination with --parents even for no match', async () => {
      expect(await copied(['nosuch/*.txt'], '/a/p/', { from: PARENTS, parents: true })).toEqual({
        '/a': 'd 755 0:0',
        '/a/p': 'd 755 0:0',
      });
    });
  },
);

test('Copier makes sockets empty files', async () => {
  const tree = new MemoryTree({ '/src/socket': { type: 'socket', mode: 0o755 } });
  const root = new MemoryTree();
  const pace = new Pace(new AbortController().signal);
  const copier = new Copier(tree, new MemoryWriter(root), CONTEXT_RULES, pace);
  const [source] = selectSources(tree, { sources: ['src'], display: ['src'], exclude: [], parents: false });
  await copier.copy(source!.roots[0]!, '/new');
  expect(shortListing(root)).toEqual({ '/new': 'd 755 0:0', '/new/socket': 'f 755 0:0 ' });
});

test('Copier stops when the build is aborted', async () => {
  const controller = new AbortController();
  const files = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`/src/${n}`, 'x']));
  const tree = new MemoryTree(files);
  const root = new MemoryTree();
  const pace = new Pace(controller.signal);
  const copier = new Copier(tree, new MemoryWriter(root), CONTEXT_RULES, pace);
  const [source] = selectSources(tree, { sources: ['src'], display: ['src'], exclude: [], parents: false });
  const started = performance.now();
  while (performance.now() < started + 25);
  const copying = copier.copy(source!.roots[0]!, '/new');
  controller.abort(new Error('stopped'));
  await expect(copying).rejects.toThrow('stopped');
  expect(Object.keys(shortListing(root)).length).toBeLessThan(200);
});
