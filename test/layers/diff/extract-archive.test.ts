import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyLayer } from '../../../layers/diff/apply.ts';
import { type ExtractOptions, extractArchive } from '../../../layers/diff/extract-archive.ts';
import { DescriptorPool } from '../../../layers/snapshots/descriptor-pool.ts';
import { LayerStack } from '../../../layers/snapshots/layer-stack.ts';
import { UpperDirectory } from '../../../layers/snapshots/upper-directory.ts';
import { UpperWriter } from '../../../layers/snapshots/upper-writer.ts';
import { TarBuilder } from '../../support/tar-builder.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { inspectTree, outlineTree } from '../../support/tree.ts';

const MARKS = 'trusted.overlay.';
let folder: string;
let pool: DescriptorPool;

beforeEach(() => {
  folder = tempFolder();
  pool = new DescriptorPool();
  for (const name of ['upper', 'lower', 'spool']) mkdirSync(join(folder, name), { mode: 0o755 });
});
afterEach(() => pool.forgetAll());

const upper = () => join(folder, 'upper');

/** Unpacks below `destination`, over a layer that holds `lower`. */
async function add(tar: Buffer, destination: string, lower = new TarBuilder(), options: ExtractOptions = {}) {
  await applyLayer(Readable.from([lower.directory('dest').end()]), join(folder, 'lower'));
  const stack = new LayerStack([{ directory: () => join(folder, 'lower') }], { space: MARKS, pool });
  const writer = new UpperWriter(stack, new UpperDirectory(upper(), MARKS, pool));
  await extractArchive(Readable.from([tar]), writer, destination, {
    temporary: join(folder, 'spool'),
    ...options,
  });
  writer.finish();
}

describe('extractArchive()', () => {
  test('puts entries below the destination with what they have in the archive', async () => {
    const tar = new TarBuilder()
      .directory('./', { mode: 0o700, uid: 9 })
      .directory('d', { mode: 0o2750, uid: 1, gid: 2, mtime: 100 })
      .pax({ 'SCHILY.xattr.user.note': 'kept', 'SCHILY.xattr.security.selinux': 'no' })
      .file('d/f', 'content', { mode: 0o4711, uid: 3, gid: 4, mtime: 200 })
      .symlink('s', '/d', { uid: 5, mtime: 300 })
      .link('h', 'd/f')
      .device('p', 'fifo', 0, 0, { mode: 0o600, mtime: 400 })
      .end();
    await add(tar, '/dest');
    expect(inspectTree(upper())).toMatchObject({
      dest: { mode: '755', owner: '0:0' },
      'dest/d': { type: 'directory', mode: '2750', owner: '1:2', mtime: '100000000000' },
      'dest/d/f': {
        type: 'file',
        mode: '4711',
        owner: '3:4',
        mtime: '200000000000',
        content: 'content',
        xattrs: { 'user.note': 'kept' },
      },
      'dest/h': { linkOf: 'dest/d/f' },
      'dest/s': { type: 'symlink', target: '/d', owner: '5:0', mtime: '300000000000' },
      'dest/p': { type: 'fifo', mode: '600', mtime: '400000000000' },
    });
  });

  test('unpacks compressed archives', async () => {
    await add(gzipSync(new TarBuilder().file('f', 'x').end()), '/dest');
    expect(outlineTree(upper())).toMatchObject({ 'dest/f': 'file x' });
  });

  test('gives every entry the owner and the mode that are asked for, but symlinks no mode', async () => {
    const tar = new TarBuilder().directory('d').file('d/f', '', { uid: 3 }).symlink('s', 'd').end();
    await add(tar, '/dest', undefined, { owner: { uid: 7, gid: 8 }, mode: 0o640 });
    const tree = inspectTree(upper());
    expect([tree['dest/d'], tree['dest/d/f']].map((entry) => `${entry?.mode} ${entry?.owner}`)).toEqual([
      '640 7:8',
      '640 7:8',
    ]);
    expect(tree['dest/s']).toMatchObject({ owner: '7:8', mode: '777' });
  });

  test('replaces what is there, and keeps the content of directories', async () => {
    const lower = new TarBuilder()
      .directory('dest/d', { mode: 0o700 })
      .file('dest/d/kept', '1')
      .file('dest/f', 'old')
      .directory('dest/x')
      .file('dest/x/y', '2')
      .file('dest/z', '3')
      .symlink('dest/s', '/etc');
    const tar = new TarBuilder()
      .directory('d', { mode: 0o711 })
      .file('f', 'new')
      .file('x', 'file now')
      .directory('z')
      .directory('s')
      .end();
    await add(tar, '/dest', lower);
    const tree = inspectTree(upper());
    expect(tree['dest/d']).toMatchObject({ mode: '711' });
    expect(tree['dest/d/kept']).toBeUndefined();
    expect(outlineTree(upper())).toEqual({
      dest: 'directory',
      'dest/d': 'directory',
      'dest/f': 'file new',
      'dest/x': 'file file now',
      'dest/z': 'directory opaque',
      'dest/s': 'directory opaque',
    });
  });

  test('follows symlinks of the tree below it inside the tree, and makes missing parents', async () => {
    const lower = new TarBuilder()
      .directory('usr/lib')
      .symlink('dest/lib', '/usr/lib')
      .symlink('dest/up', '../../..');
    const tar = new TarBuilder().file('lib/a/b', '1', { mtime: 5 }).file('up/at-root', '2').end();
    await add(tar, '/dest', lower);
    expect(outlineTree(upper())).toEqual({
      'at-root': 'file 2',
      usr: 'directory',
      'usr/lib': 'directory',
      'usr/lib/a': 'directory',
      'usr/lib/a/b': 'file 1',
    });
    expect(inspectTree(upper())['usr/lib/a']).toMatchObject({ mode: '755', owner: '0:0' });
  });

  test('links to a file of the tree below it', async () => {
    await add(new TarBuilder().link('h', 'there').end(), '/dest', new TarBuilder().file('dest/there', 'x'));
    expect(outlineTree(upper())).toMatchObject({ 'dest/h': 'file x', 'dest/there': 'link dest/h' });
  });

  test('unpacks files that are too big for memory, with holes and without, and leaves nothing behind', async () => {
    const big = Buffer.alloc(9 << 20, 'big');
    const size = 20 << 20;
    const tar = new TarBuilder()
      .file('big', big)
      .pax({ 'GNU.sparse.map': `${size - 100},3`, 'GNU.sparse.size': `${size}` })
      .file('sparse', 'abc')
      .file('small', 'x')
      .end();
    await add(tar, '/dest');
    const tree = inspectTree(upper());
    expect(tree['dest/big']?.content === big.toString('latin1')).toBe(true);
    expect(tree['dest/sparse']?.content?.length).toBe(size);
    expect(tree['dest/sparse']?.content?.indexOf('abc')).toBe(size - 100);
    expect(tree['dest/small']?.content).toBe('x');
    expect(readdirSync(join(folder, 'spool'))).toEqual([]);
  });

  test('refuses names that would delete as part of a layer, before it writes them', async () => {
    for (const name of ['.wh.x', 'd/.wh..wh..opq', '.wh.d/x'])
      await expect(add(new TarBuilder().file(name).end(), '/dest')).rejects.toMatchObject({
        code: 'INVALID_ARCHIVE',
        message: expect.stringContaining(name.split('/').at(-1) === 'x' ? '.wh.' : name),
      });
  });

  test('stops at its limits', async () => {
    const tar = new TarBuilder().file('a', 'x').file('b', 'x').end();
    await expect(add(tar, '/dest', undefined, { limits: { entries: 1 } })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
  });
});
