import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { directoryTree, type FileTree, type Layer, type Store } from '../../../layers/index.ts';
import type { Vertex } from '../../../src/llb/definition.ts';
import type { CopyAction, FileAction, MakeDirectoryAction, MakeFileAction } from '../../../src/llb/op.ts';
import { fileOperation } from '../../../src/ops/file.ts';
import { LocalTree, localTree } from '../../../src/ops/source-local.ts';
import { cacheKey } from '../../../src/solver/cache-key.ts';
import type { Operation } from '../../../src/solver/operation.ts';
import type { Result } from '../../../src/solver/result.ts';
import { layerStore, sketchLayer } from '../../support/layer-store.ts';
import type { Sketch } from '../../support/memory-tree.ts';
import { TarBuilder } from '../../support/tar-builder.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { shortListing } from '../../support/tree-listing.ts';

const isRoot = process.getuid!() === 0;
if (!isRoot) console.warn('Skipping the file operation on real layers: only root may give files away');
const rootTest = test.skipIf(!isRoot);

const CONTEXT = { report: () => {}, signal: new AbortController().signal };

function vertex(...actions: readonly FileAction[]): Vertex {
  return {
    digest: 'd',
    op: { type: 'file', actions },
    inputs: [],
    meta: { name: 'step', ignoreCache: false },
  };
}

function copyAction(
  sources: readonly string[],
  destination: string,
  rest: Partial<CopyAction> = {},
): CopyAction {
  const flags = { keepOwner: false, exclude: [], parents: false, unpack: 'never' } as const;
  return { kind: 'copy', input: 1, sources, destination, display: sources, ...flags, ...rest };
}

const workdir = (path: string, rest: Partial<MakeDirectoryAction> = {}): MakeDirectoryAction => ({
  kind: 'mkdir',
  path,
  mode: 0o755,
  ...rest,
});

const heredoc = (destination: string, rest: Partial<MakeFileAction> = {}): MakeFileAction => ({
  kind: 'mkfile',
  destination,
  name: 'EOF',
  data: 'text\n',
  defaultMode: 0o644,
  ...rest,
});

/** Writes files below a directory of the host; `->target` is a symlink. */
function write(directory: string, files: Readonly<Record<string, string | Buffer>>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof content === 'string' && content.startsWith('->')) symlinkSync(content.slice(2), path);
    else writeFileSync(path, content);
  }
  return directory;
}

const context = (files: Readonly<Record<string, string | Buffer>>) => localTree(write(tempFolder(), files));

function local(tree: FileTree): Result {
  return { kind: 'local', tree, name: 'context' };
}

const layers = (...stack: readonly Layer[]): Result => ({ kind: 'layers', layers: stack });

async function run(
  store: Store,
  base: Result,
  source: Result,
  ...actions: readonly FileAction[]
): Promise<Result> {
  return fileOperation(store).run(vertex(...actions), [base, source], CONTEXT);
}

/** What the actions make of a base with the files of a sketch. */
async function made(
  base: Readonly<Record<string, Sketch>>,
  source: Result,
  ...actions: readonly FileAction[]
): Promise<Record<string, string>> {
  const store = layerStore();
  const result = await run(store, layers(sketchLayer(store, base)), source, ...actions);
  return shortListing(treeOf(store, result));
}

function treeOf(store: Store, result: Result): FileTree {
  return result.kind === 'local' ? result.tree : store.snapshots.view(result.layers);
}

const NOTHING = layers();

async function keyOf(
  operation: Operation,
  source: Result,
  ...actions: readonly FileAction[]
): Promise<string> {
  const inputs = [
    { key: 'base', result: async () => NOTHING, chain: async () => undefined },
    { key: 'source', result: async () => source, chain: async () => undefined },
  ];
  return cacheKey(await operation.keyParts(vertex(...actions), inputs, CONTEXT));
}

describe('fileOperation().run', () => {
  rootTest('adds one layer that holds only what changed', async () => {
    const store = layerStore();
    const base = sketchLayer(store, { '/etc/keep': 'k', '/app/old': 'o' });
    const result = await run(
      store,
      layers(base),
      local(context({ f: 'f', 'd/g': 'g' })),
      copyAction(['f', 'd'], '/app/'),
    );
    expect(result.kind === 'layers' && result.layers.length).toBe(2);
    expect(result.kind === 'layers' && result.layers[0]).toBe(base);
    const top = result.kind === 'layers' ? result.layers[1]! : base;
    expect(shortListing(store.snapshots.view([top]))).toEqual({
      '/app': 'd 755 0:0',
      '/app/f': 'f 644 0:0 f',
      '/app/g': 'f 644 0:0 g',
    });
    await expect(top.diff).resolves.toMatchObject({ diffId: expect.stringMatching(/^sha256:/) });
  });

  rootTest('adds a layer even if nothing changes', async () => {
    const store = layerStore();
    const result = await run(store, NOTHING, NOTHING, workdir('/'));
    expect(result.kind === 'layers' && result.layers.length).toBe(1);
  });

  rootTest('leaves nothing behind when it fails', async () => {
    const store = layerStore();
    await expect(run(store, NOTHING, local(context({})), copyAction(['nosuch'], '/x'))).rejects.toThrow(
      'not found',
    );
    expect(readdirSync(join(store.root, 'active'))).toEqual([]);
  });

  rootTest('makes files of the context root’s and keeps owners of another stage', async () => {
    const store = layerStore();
    const stage = sketchLayer(store, { '/src/f': { content: 'f', owner: [65, 66], mode: 0o4755 } });
    const copy = copyAction(['/src/f'], '/f', { keepOwner: true });
    expect(shortListing(treeOf(store, await run(store, NOTHING, layers(stage), copy)))).toEqual({
      '/f': 'f 4755 65:66 f',
    });
    const given = copyAction(['/src/f'], '/f', { keepOwner: true, owner: '1:1' });
    expect(shortListing(treeOf(store, await run(store, NOTHING, layers(stage), given)))).toEqual({
      '/f': 'f 4755 1:1 f',
    });
  });

  rootTest('finds owners in the passwd file of the state it writes to', async () => {
    const base = { '/etc/passwd': 'app:x:7:8:::\n', '/etc/group': 'grp:x:9:\n' };
    const files = await made(
      base,
      local(context({ f: 'f' })),
      copyAction(['f'], '/a/f', { owner: 'app:grp' }),
    );
    expect(files).toMatchObject({ '/a': 'd 755 7:9', '/a/f': 'f 644 7:9 f' });
  });

  rootTest('reads the stage below a symlink, in its root', async () => {
    const store = layerStore();
    const stage = sketchLayer(store, {
      '/data': { target: '/../../my/data' },
      '/my/data/exe': 'x',
    });
    const result = await run(store, NOTHING, layers(stage), copyAction(['/data'], '/data'));
    expect(shortListing(treeOf(store, result))).toEqual({ '/data': 'd 755 0:0', '/data/exe': 'f 644 0:0 x' });
  });

  rootTest('does what the actions say in order', async () => {
    const actions = [copyAction(['f'], '/test/'), heredoc('/test/', { name: 'a.txt', data: 'A' })];
    expect(await made({}, local(context({ f: 'f' })), ...actions)).toEqual({
      '/test': 'd 755 0:0',
      '/test/a.txt': 'f 644 0:0 A',
      '/test/f': 'f 644 0:0 f',
    });
  });
});

describe('here-documents', () => {
  rootTest.each<[string, Readonly<Record<string, Sketch>>, MakeFileAction, Record<string, string>]>([
    ['onto a name', {}, heredoc('/data.txt'), { '/data.txt': 'f 644 0:0 text\n' }],
    ['into a directory', { '/d/x': '' }, heredoc('/d'), { '/d/EOF': 'f 644 0:0 text\n' }],
    ['into a new directory', {}, heredoc('/a/b/'), { '/a/b': 'd 755 0:0', '/a/b/EOF': 'f 644 0:0 text\n' }],
    [
      'with owner and mode',
      {},
      heredoc('/a/f', { owner: '5:6', mode: { octal: 0o600 } }),
      { '/a': 'd 600 5:6', '/a/f': 'f 600 5:6 text\n' },
    ],
    ['with a symbolic mode', {}, heredoc('/f', { mode: { symbolic: '+x' } }), { '/f': 'f 755 0:0 text\n' }],
    ['that is empty', {}, heredoc('/f', { data: '' }), { '/f': 'f 644 0:0 ' }],
    [
      'as UTF-8',
      {},
      heredoc('/f', { data: 'größe' }),
      { '/f': `f 644 0:0 ${Buffer.from('größe').toString('latin1')}` },
    ],
  ])('are files %s', async (_what, base, action, expected) => {
    expect(await made(base, NOTHING, action)).toMatchObject(expected);
  });

  test.each(['../x', 'a/b', '..', '.', '', 'x'.repeat(256), 'a\0b'])('cannot be called %j', async (name) => {
    await expect(made({}, NOTHING, heredoc('/d/', { name }))).rejects.toThrow(
      'its delimiter is no file name',
    );
  });

  rootTest('do not replace a directory', async () => {
    await expect(made({ '/d/EOF/x': '' }, NOTHING, heredoc('/d'))).rejects.toThrow(
      'cannot replace to directory /d/EOF with file',
    );
  });
});

describe('WORKDIR', () => {
  rootTest('makes the directory and its parents for the user', async () => {
    const base = { '/etc/passwd': 'daemon:x:1:2:::\n' };
    expect(await made(base, NOTHING, workdir('/created/dir', { owner: 'daemon' }))).toMatchObject({
      '/created': 'd 755 1:2',
      '/created/dir': 'd 755 1:2',
    });
  });

  rootTest('makes it root’s when the image does not know the user, but takes no wrong number', async () => {
    expect(await made({}, NOTHING, workdir('/d', { owner: 'nosuch:grp' }))).toEqual({ '/d': 'd 755 0:0' });
    await expect(made({}, NOTHING, workdir('/d', { owner: '4294967296' }))).rejects.toThrow('Invalid id');
  });

  rootTest('leaves a directory alone that is there', async () => {
    const base = { '/d': { type: 'directory' as const, mode: 0o700, owner: [3, 4] as const } };
    expect(await made(base, NOTHING, workdir('/d'))).toEqual({ '/d': 'd 700 3:4' });
  });

  rootTest('gives new directories the time of the build', async () => {
    const store = layerStore();
    const tree = treeOf(store, await run(store, NOTHING, NOTHING, workdir('/a/b', { mtime: 1234567890 })));
    expect(['/a', '/a/b'].map((path) => tree.lookup(path)!.stat.mtimeNs)).toEqual([
      1_234_567_890_000_000_000n,
      1_234_567_890_000_000_000n,
    ]);
  });

  rootTest.each([
    ['/wf', 'mkdir /wf: not a directory'],
    ['/wf/x', 'mkdir /wf: not a directory'],
  ])('refuses %s where a file is in the way', async (path, message) => {
    await expect(made({ '/wf': '' }, NOTHING, workdir(path))).rejects.toThrow(message);
  });

  rootTest('goes through a dangling symlink', async () => {
    const base = { '/tempest': { target: '/var/lib/tempest' }, '/var/x': '' };
    expect(await made(base, NOTHING, workdir('/tempest/lower'))).toMatchObject({
      '/tempest': 'l 0:0 -> /var/lib/tempest',
      '/var/lib/tempest/lower': 'd 755 0:0',
    });
  });
});

describe('nothing outside of the root is reached', () => {
  const canary = () => write(tempFolder(), { 'canary/file': 'canary' });

  rootTest.each(['absolute', 'relative', 'through a parent'])(
    'by a symlink of the image, %s',
    async (kind) => {
      const folder = canary();
      const up = '../'.repeat(40);
      const target = kind === 'relative' ? `${up}${folder.slice(1)}/canary` : `${folder}/canary`;
      const base: Readonly<Record<string, Sketch>> =
        kind === 'through a parent'
          ? { '/app/inner': { target }, '/go': { target: '/app/inner' } }
          : { '/go': { target } };
      const store = layerStore();
      const source = local(context({ f: 'f', 'd/file': 'overwritten', 'd/new': 'n' }));
      const tar = local(context({ 't.tar': new TarBuilder().file('new', 'n').file('file', 'x').end() }));
      for (const [input, action] of [
        [source, workdir('/go/x')],
        [source, workdir('/go/x', { owner: '5' })],
        [source, copyAction(['f'], '/go/')],
        [source, copyAction(['f'], '/go/file')],
        [source, copyAction(['d'], '/go')],
        [source, copyAction(['d'], '/go', { parents: true })],
        [source, heredoc('/go/file')],
        [tar, copyAction(['t.tar'], '/go', { unpack: 'auto' })],
      ] as const) {
        const result = await run(store, layers(sketchLayer(store, base)), input, action);
        expect(treeOf(store, result).lookup(`${folder}/canary`, { follow: true })?.stat.type).toBe(
          'directory',
        );
      }
      expect(shortListing(directoryTree(folder))).toEqual({
        '/canary': 'd 755 0:0',
        '/canary/file': 'f 644 0:0 canary',
      });
    },
  );

  rootTest('by a symlink of the context', async () => {
    const folder = write(tempFolder(), {
      secret: 'canary',
      'context/up': '->../secret',
      'context/d/up': '->../../secret',
    });
    const tree = localTree(join(folder, 'context'));
    await expect(made({}, local(tree), copyAction(['up'], '/x'))).rejects.toThrow('"/up": not found');
    await expect(made({}, local(tree), copyAction(['../secret'], '/x'))).rejects.toThrow(
      '"../secret": not found: it is outside the build context',
    );
    expect(await made({}, local(tree), copyAction(['d'], '/x'))).toEqual({
      '/x': 'd 755 0:0',
      '/x/up': 'l 0:0 -> ../../secret',
    });
  });

  rootTest('by members of an archive', async () => {
    const folder = canary();
    const evil = new TarBuilder().symlink('go', `${folder}/canary`).file('go/new', 'n').end();
    await made({}, local(context({ 't.tar': evil })), copyAction(['t.tar'], '/', { unpack: 'auto' })).catch(
      () => {},
    );
    expect(existsSync(join(folder, 'canary/new'))).toBe(false);
    const dots = new TarBuilder().file('../../new', 'n').end();
    await made({}, local(context({ 't.tar': dots })), copyAction(['t.tar'], '/a/', { unpack: 'auto' })).catch(
      () => {},
    );
    expect(readdirSync(folder)).toEqual(['canary']);
  });
});

describe('ADD', () => {
  const tar = () =>
    new TarBuilder()
      .directory('sub', { uid: 5, gid: 6, mode: 0o775 })
      .file('sub/f', 'f', { uid: 5, gid: 6 })
      .end();

  rootTest.each([
    ['a tar', () => tar()],
    ['a compressed tar', () => gzipSync(tar())],
  ])('unpacks %s by its content, into the destination as a directory', async (_what, bytes) => {
    const add = copyAction(['x.bin'], '/new/dir', { unpack: 'auto' });
    expect(await made({}, local(context({ 'x.bin': bytes() })), add)).toEqual({
      '/new': 'd 755 0:0',
      '/new/dir': 'd 755 0:0',
      '/new/dir/sub': 'd 775 5:6',
      '/new/dir/sub/f': 'f 644 5:6 f',
    });
  });

  rootTest('gives what is in an archive to the owner asked for, and leaves the modes', async () => {
    const add = copyAction(['t'], '/new/', { unpack: 'auto', owner: '7:8', mode: { octal: 0o600 } });
    expect(await made({}, local(context({ t: tar() })), add)).toEqual({
      '/new': 'd 755 7:8',
      '/new/sub': 'd 775 7:8',
      '/new/sub/f': 'f 644 7:8 f',
    });
  });

  rootTest('copies what is compressed but no archive, and archives inside of directories', async () => {
    const files = { 'plain.gz': gzipSync('text'), 'd/t.tar': tar() };
    const add = copyAction(['plain.gz', 'd'], '/new/', { unpack: 'auto' });
    expect(Object.keys(await made({}, local(context(files)), add))).toEqual([
      '/new',
      '/new/plain.gz',
      '/new/t.tar',
    ]);
  });

  rootTest.each([
    ['never', 'context', false],
    ['auto', 'context', true],
    ['always', 'context', true],
    ['auto', 'stage', false],
    ['always', 'stage', true],
  ] as const)('with unpack %s of a %s unpacks: %s', async (unpack, from, expected) => {
    const store = layerStore();
    const source =
      from === 'context'
        ? local(context({ t: tar() }))
        : layers(sketchLayer(store, { '/t': { content: tar() } }));
    const result = await run(store, NOTHING, source, copyAction(['t'], '/new/', { unpack }));
    expect(treeOf(store, result).lookup('/new/sub/f') !== undefined).toBe(expected);
  });

  rootTest('replaces a file by a directory of the archive', async () => {
    const files = await made(
      { '/sub': 'file' },
      local(context({ t: tar() })),
      copyAction(['t'], '/', { unpack: 'auto' }),
    );
    expect(files).toMatchObject({ '/sub': 'd 775 5:6' });
  });
});

describe('fileOperation().keyParts', () => {
  const COPY = copyAction(['.'], '/app');

  rootTest('is the same for the same content, and another for each change', async () => {
    const folder = write(tempFolder(), { a: '1', 'd/b': '2' });
    const operation = fileOperation(layerStore());
    const key = () => keyOf(operation, local(localTree(folder)), COPY);
    const first = await key();
    utimesSync(join(folder, 'a'), 5, 5);
    expect(await key()).toBe(first);
    writeFileSync(join(folder, 'd/b'), '3');
    const changed = await key();
    expect(changed).not.toBe(first);
    writeFileSync(join(folder, 'd/b'), '2');
    expect(await key()).toBe(first);
    expect(await keyOf(fileOperation(layerStore()), local(localTree(folder)), COPY)).toBe(first);
  });

  rootTest('depends on what a pattern selects', async () => {
    const operation = fileOperation(layerStore());
    const key = (files: Readonly<Record<string, string>>, ...sources: readonly string[]) =>
      keyOf(operation, local(context(files)), copyAction(sources, '/app/'));
    expect(await key({ 'x.txt': '1', 'other.md': '2' }, '*.txt')).toBe(await key({ 'x.txt': '1' }, '*.txt'));
    expect(await key({ 'x.txt': '1' }, '*.txt')).not.toBe(await key({ 'y.txt': '1' }, '*.txt'));
    expect(await key({ 'x.txt': '1' }, '*.txt')).not.toBe(await key({ 'x.txt': '1', 'y.txt': '' }, '*.txt'));
  });

  const actions: Readonly<Record<string, readonly FileAction[]>> = {
    copy: [COPY],
    destination: [copyAction(['.'], '/app/')],
    owner: [copyAction(['.'], '/app', { owner: '1' })],
    group: [copyAction(['.'], '/app', { owner: '1:' })],
    octal: [copyAction(['.'], '/app', { mode: { octal: 0o644 } })],
    symbolic: [copyAction(['.'], '/app', { mode: { symbolic: '644' } })],
    keepOwner: [copyAction(['.'], '/app', { keepOwner: true })],
    parents: [copyAction(['.'], '/app', { parents: true })],
    unpack: [copyAction(['.'], '/app', { unpack: 'always' })],
    twice: [COPY, COPY],
    exclude: [copyAction(['.'], '/app', { exclude: ['d'] })],
    heredoc: [heredoc('/app')],
    'heredoc name': [heredoc('/app', { name: 'E' })],
    'heredoc data': [heredoc('/app', { data: 'text' })],
    'heredoc split': [heredoc('/appE', { name: 'OF' })],
    'heredoc owner': [heredoc('/app', { owner: '1' })],
    'heredoc mode': [heredoc('/app', { mode: { octal: 0o644 } })],
    'heredoc default mode': [heredoc('/app', { defaultMode: 0o755 })],
    workdir: [workdir('/app')],
    'workdir owner': [workdir('/app', { owner: '1' })],
    'workdir mode': [workdir('/app', { mode: 0o644 })],
    'workdir time': [workdir('/app', { mtime: 0 })],
  };

  rootTest('is another for each field of each action', async () => {
    const operation = fileOperation(layerStore());
    const source = local(context({ a: '1', 'd/b': '2' }));
    const keys = new Map<string, string>();
    for (const [name, list] of Object.entries(actions)) {
      const key = await keyOf(operation, source, ...list);
      expect(keys.get(key), `${name} has the key of`).toBeUndefined();
      keys.set(key, name);
    }
  });

  rootTest('is another for another base', async () => {
    const operation = fileOperation(layerStore());
    const parts = (key: string) =>
      operation.keyParts(
        vertex(workdir('/x')),
        [{ key, result: async () => NOTHING, chain: async () => undefined }],
        CONTEXT,
      );
    expect(cacheKey(await parts('a'))).not.toBe(cacheKey(await parts('b')));
  });

  rootTest('names the sources for those who ask what changed', async () => {
    const operation = fileOperation(layerStore());
    const inputs = [
      { key: 'base', result: async () => NOTHING, chain: async () => undefined },
      {
        key: 'source',
        result: async () => local(context({ a: '1', b: '2' })),
        chain: async () => undefined,
      },
    ];
    const parts = await operation.keyParts(vertex(copyAction(['a', 'b'], '/x/')), inputs, CONTEXT);
    expect(parts.map(({ name }) => name)).toEqual([
      'root',
      'action 0',
      'archives',
      'files of a',
      'files of b',
    ]);
  });

  rootTest('reads a file again only after it changed, in the next process too', async () => {
    const folder = write(tempFolder(), { a: '1', 'd/b': '2' });
    const store = layerStore();
    await setTimeout(150);
    const opened: string[] = [];
    const key = () => {
      const tree = directoryTree(folder);
      const watched = new LocalTree(
        folder,
        {
          lookup: (path, options) => tree.lookup(path, options),
          children: (node) => tree.children(node),
          readlink: (node) => tree.readlink(node),
          xattrs: (node, fd) => tree.xattrs(node, fd),
          open(node) {
            opened.push(node.path);
            return tree.open(node);
          },
        },
        [],
      );
      return keyOf(fileOperation(store), local(watched), COPY);
    };
    const first = await key();
    expect(opened.splice(0)).toEqual(['/a', '/d/b']);
    expect(await key()).toBe(first);
    expect(opened).toEqual([]);
    writeFileSync(join(folder, 'a'), '3');
    expect(await key()).not.toBe(first);
    expect(opened.splice(0)).toEqual(['/a']);
    // It has only just changed: its times do not yet tell whether it will again.
    await key();
    expect(opened.splice(0)).toEqual(['/a']);
  });

  rootTest('looks into the layers of a stage once', async () => {
    const store = layerStore();
    const layer = sketchLayer(store, { '/src/f': { content: 'f', owner: [5, 6] } });
    await layer.diff;
    const copy = copyAction(['/src'], '/x', { keepOwner: true });
    const first = await keyOf(fileOperation(store), layers(layer), copy);
    await setTimeout(0);
    const blind: Store = {
      ...store,
      snapshots: {
        ...store.snapshots,
        view: () => {
          throw new Error('looked again');
        },
      },
    };
    expect(await keyOf(fileOperation(blind), layers(layer), copy)).toBe(first);
    const other = copyAction(['/src'], '/x', { keepOwner: false });
    await expect(keyOf(fileOperation(blind), layers(layer), other)).rejects.toThrow('looked again');
  });
});
