import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { directoryWriter } from '../../../layers/snapshots/directory-writer.ts';
import { type MountedPart, MountedTree, MountedWriter } from '../../../layers/snapshots/mounted-tree.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { contentOf, shortListing } from '../../support/tree-listing.ts';

const FILE = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n } as const;

let folder: string;

beforeEach(() => {
  folder = tempFolder();
  for (const path of ['base/data', 'base/var', 'volume/sub', 'inner', 'canary'])
    mkdirSync(join(folder, path), { recursive: true });
  writeFileSync(join(folder, 'base/data/hidden'), 'hidden');
  writeFileSync(join(folder, 'volume/file'), 'volume');
  writeFileSync(join(folder, 'inner/deep'), 'inner');
  writeFileSync(join(folder, 'single'), 'single');
  writeFileSync(join(folder, 'canary/secret'), 'secret');
  symlinkSync('/data', join(folder, 'base/link'));
  symlinkSync('../../canary', join(folder, 'volume/escape'));
  symlinkSync('/var', join(folder, 'volume/out'));
});

function open(parts: readonly (Omit<MountedPart, 'tree' | 'writer'> & { readonly from: string })[]) {
  const part = (name: string, writable: boolean) => {
    const writer = directoryWriter(join(folder, name));
    onTestFinished(() => writer.close());
    return { tree: writer.tree, ...(writable && { writer: () => writer }) };
  };
  const mounted = parts.map(({ from, ...rest }) => ({ ...rest, ...part(from, from !== 'inner') }));
  const tree = new MountedTree(part('base', true), mounted);
  return { tree, writer: new MountedWriter(tree) };
}

const PARTS = [
  { target: '/link', from: 'volume' },
  { target: '/data/sub', from: 'inner' },
  { target: '/var/one', from: '.', source: '/single' },
];

describe('MountedTree', () => {
  test('shows each part where it is mounted, symlinks on the way followed, and hides what is below', () => {
    expect(shortListing(open(PARTS).tree)).toEqual({
      '/data': 'd 755 0:0',
      '/data/escape': 'l 0:0 -> ../../canary',
      '/data/file': 'f 644 0:0 volume',
      '/data/out': 'l 0:0 -> /var',
      '/data/sub': 'd 755 0:0',
      '/data/sub/deep': 'f 644 0:0 inner',
      '/link': 'l 0:0 -> /data',
      '/var': 'd 755 0:0',
      '/var/one': 'f 644 0:0 single',
    });
  });

  test('lookup() goes from part to part, and never out of them', () => {
    const { tree } = open(PARTS);
    const text = (path: string) => {
      const node = tree.lookup(path, { follow: true });
      return node && contentOf(tree, node);
    };
    expect(text('/link/file')).toBe('volume');
    expect(text('/link/out/one')).toBe('single');
    expect(text('/data/sub/../../var/../data/sub/deep')).toBe('inner');
    expect(text('/data/hidden')).toBeUndefined();
    expect(text('/data/escape/secret')).toBeUndefined();
    expect(text('/../../canary/secret')).toBeUndefined();
    expect(tree.resolve('/link/escape/new')).toBe('/canary/new');
  });
});

describe('MountedWriter', () => {
  test('writes into the part that a path leads to', () => {
    const { writer } = open(PARTS);
    writer.file('/link/new', Buffer.from('1'), FILE);
    writer.link('/data/twin', '/link/new');
    writer.file('/link/out/base', Buffer.from('2'), FILE);
    writer.mkdirAll('/data/a/b', { ...FILE, mode: 0o755 });
    writer.remove('/link/file');
    writer.finish();
    expect(readdirSync(join(folder, 'volume')).sort()).toEqual(['a', 'escape', 'new', 'out', 'sub', 'twin']);
    expect(readFileSync(join(folder, 'base/var/base'), 'utf8')).toBe('2');
    expect(readdirSync(join(folder, 'base/data'))).toEqual(['hidden']);
  });

  test.each([
    ['a part that is read-only', (w: MountedWriter) => w.file('/data/sub/new', Buffer.from(''), FILE)],
    ['a mount point', (w: MountedWriter) => w.remove('/data')],
    ['what a file is mounted on', (w: MountedWriter) => w.file('/var/one', Buffer.from(''), FILE)],
    ['a hard link into another part', (w: MountedWriter) => w.link('/var/twin', '/data/file')],
  ])('refuses %s', (_, change) => {
    const { writer } = open(PARTS);
    expect(() => change(writer)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    expect(readFileSync(join(folder, 'single'), 'utf8')).toBe('single');
    expect(readdirSync(join(folder, 'inner'))).toEqual(['deep']);
  });
});
