import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { LayerDirectories } from '../../support/layer-directories.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { contentOf } from '../../support/tree-listing.ts';

let folder: string;
let layers: LayerDirectories;

beforeEach(() => {
  folder = tempFolder();
  layers = new LayerDirectories(folder);
  const { pool } = layers;
  onTestFinished(() => pool.forgetAll());
});

function put(path: string, text = path): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const names = (tree: ReturnType<LayerDirectories['view']>, path: string) =>
  tree.children(tree.lookup(path)!).map((node) => node.path);

test('the topmost layer that has a name decides', () => {
  put('1/a');
  put('1/dir/one');
  put('2/a');
  put('2/dir/two');
  const tree = layers.view('1', '2');
  expect(contentOf(tree, tree.lookup('/a')!)).toBe('2/a');
  expect(names(tree, '/dir')).toEqual(['/dir/one', '/dir/two']);
  expect(names(tree, '/')).toEqual(['/a', '/dir']);
});

test('a whiteout hides a name in all layers below, and not above', () => {
  put('1/a');
  put('1/dir/file');
  put('2/other');
  layers.whiteout('2/a');
  layers.whiteout('2/dir');
  put('3/dir/new');
  const tree = layers.view('1', '2', '3');
  expect(tree.lookup('/a')).toBeUndefined();
  expect(names(tree, '/')).toEqual(['/dir', '/other']);
  expect(names(tree, '/dir')).toEqual(['/dir/new']);
});

test('a non-directory hides directories below it, also from a directory above it', () => {
  put('1/x/old');
  put('2/x');
  put('3/x/new');
  const tree = layers.view('1', '2', '3');
  expect(names(tree, '/x')).toEqual(['/x/new']);
  expect(tree.lookup('/x/old')).toBeUndefined();
});

test('an opaque directory hides what lower layers have in it', () => {
  put('1/dir/sub/old');
  put('2/dir/sub/new');
  layers.mark('2/dir', 'trusted.overlay.opaque', 'y');
  const tree = layers.view('1', '2');
  expect(names(tree, '/dir/sub')).toEqual(['/dir/sub/new']);
});

test('an empty file with a whiteout attribute counts as a whiteout where its directory says so', () => {
  for (const name of ['marked', 'plain']) {
    put(`1/${name}/a`);
    put(`2/${name}/a`, '');
    put(`2/${name}/b`, '');
    layers.mark(`2/${name}/a`, 'trusted.overlay.whiteout', '');
  }
  layers.mark('2/marked', 'trusted.overlay.opaque', 'x');
  const tree = layers.view('1', '2');
  expect(names(tree, '/marked')).toEqual(['/marked/b']);
  expect(tree.lookup('/marked/a')).toBeUndefined();
  expect(names(tree, '/plain')).toEqual(['/plain/a', '/plain/b']);
});

describe('marks of the other kind than the mounts heed', () => {
  test.each([
    ['trusted.overlay.', 'user.overlay.'],
    ['user.overlay.', 'trusted.overlay.'],
  ] as const)('are no marks for %s, and no attributes either', (space, other) => {
    layers = new LayerDirectories(folder, space);
    put('1/dir/old');
    put('2/dir/new');
    layers.mark('2/dir', `${other}opaque`, 'y');
    layers.mark('2/dir', 'user.kept', 'yes');
    const tree = layers.view('1', '2');
    expect(names(tree, '/dir')).toEqual(['/dir/new', '/dir/old']);
    expect(tree.xattrs(tree.lookup('/dir')!)).toEqual([['user.kept', Buffer.from('yes')]]);
    layers.mark('2/dir', `${space}opaque`, 'y');
    expect(names(layers.view('1', '2'), '/dir')).toEqual(['/dir/new']);
  });
});

test('symlinks resolve in the merged view, whichever layers they and their targets are in', () => {
  const canary = join(folder, 'canary');
  put('canary/secret');
  put('1/real/file');
  mkdirSync(layers.path('2'), { recursive: true });
  symlinkSync('/real', join(folder, '2/link'));
  symlinkSync(canary, join(folder, '2/out'));
  symlinkSync('../../../../link/../link', join(folder, '2/up'));
  const tree = layers.view('1', '2');
  expect(tree.lookup('/link/file')).toMatchObject({ path: '/real/file' });
  expect(tree.lookup('/up', { follow: true })).toMatchObject({ path: '/real' });
  expect(tree.lookup('/out/secret')).toBeUndefined();
  expect(tree.resolve('/out/secret')).toBe(`${canary}/secret`);
  expect(tree.readlink(tree.lookup('/link')!)).toBe('/real');
});

test('what others change in the upper directory is seen at once', () => {
  put('1/dir/lower');
  put('upper/dir/file');
  const tree = layers.viewWithUpper('upper', '1');
  expect(names(tree, '/dir')).toEqual(['/dir/file', '/dir/lower']);
  renameSync(join(folder, 'upper/dir'), join(folder, 'upper/moved'));
  expect(names(tree, '/dir')).toEqual(['/dir/lower']);
  expect(names(tree, '/moved')).toEqual(['/moved/file']);
  rmSync(join(folder, 'upper/moved'), { recursive: true });
  symlinkSync('/dir', join(folder, 'upper/moved'));
  layers.whiteout('upper/dir');
  expect(tree.lookup('/dir/lower')).toBeUndefined();
  expect(tree.lookup('/moved/lower')).toBeUndefined();
});

test('open() refuses a file that is no longer the one looked up', () => {
  put('upper/file', 'old');
  const tree = layers.viewWithUpper('upper');
  const node = tree.lookup('/file')!;
  put('upper/new', 'new');
  renameSync(join(folder, 'upper/new'), join(folder, 'upper/file'));
  expect(() => tree.open(node)).toThrow(/no longer the file/);
});

test('descriptors stay within the limit, and close() closes them all', () => {
  layers = new LayerDirectories(folder, 'trusted.overlay.', 16);
  for (let index = 0; index < 100; index++) put(`1/d${index}/e/file`, `${index}`);
  const before = readdirSync('/proc/self/fd').length;
  const tree = layers.view('1');
  const other = layers.view('1');
  for (let index = 0; index < 100; index++) {
    expect(contentOf(tree, tree.lookup(`/d${index}/e/file`)!)).toBe(`${index}`);
    expect(names(other, `/d${index}/e`)).toHaveLength(1);
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 24);
  }
  tree.close();
  other.close();
  expect(layers.pool.open).toBe(0);
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});

test('a stack of 500 layers can be read', () => {
  const stack = Array.from({ length: 500 }, (_, index) => `l${index}`);
  for (const name of stack) put(`${name}/dir/${name}`);
  const tree = layers.view(...stack);
  expect(names(tree, '/dir')).toHaveLength(500);
  expect(contentOf(tree, tree.lookup('/dir/l250')!)).toBe('l250/dir/l250');
});
