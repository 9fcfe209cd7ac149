import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LocalTree, localOperation, localTree } from '../../../src/ops/source-local.ts';
import { MemoryTree, type Sketch } from '../../support/memory-tree.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { shortListing } from '../../support/tree-listing.ts';

const FILES: Readonly<Record<string, Sketch>> = {
  '/Dockerfile': '',
  '/src/main.ts': '',
  '/src/main.test.ts': '',
  '/node_modules/a/index.js': '',
  '/docs/keep/me.md': '',
  '/docs/other.md': '',
  '/link': { target: 'src' },
  '/hidden-link': { target: 'src' },
  '/to-hidden': { target: '/node_modules/a' },
};

function filtered(...ignore: readonly string[]): { readonly tree: LocalTree; readonly base: MemoryTree } {
  const base = new MemoryTree(FILES);
  return { tree: new LocalTree('', base, ignore), base };
}

const paths = (tree: LocalTree) => Object.keys(shortListing(tree));

test('LocalTree shows everything without patterns', () => {
  expect(shortListing(filtered().tree)).toEqual(shortListing(new MemoryTree(FILES)));
});

test('LocalTree leaves out what the patterns match, and what is below it', () => {
  expect(paths(filtered('node_modules', '**/*.test.ts', 'docs', '*link', 'to-*').tree)).toEqual([
    '/Dockerfile',
    '/src',
    '/src/main.ts',
  ]);
});

test('LocalTree shows an ignored directory for the sake of what is taken back in it', () => {
  expect(paths(filtered('*', '!docs/keep/me.md', '!src/nosuch').tree)).toEqual([
    '/docs',
    '/docs/keep',
    '/docs/keep/me.md',
  ]);
});

test('LocalTree never looks into a directory that is ignored whole', () => {
  const { tree, base } = filtered('node_modules', 'docs');
  base.calls.children = 0;
  paths(tree);
  expect(base.calls.children).toBe(2);
});

test.each([
  ['/src/main.ts', '/src/main.ts'],
  ['/link/main.ts', '/src/main.ts'],
  ['/src/../src/./main.ts', '/src/main.ts'],
  ['/../../src/main.ts', '/src/main.ts'],
  ['/link', '/src'],
  ['/', '/'],
  ['/node_modules', undefined],
  ['/node_modules/a/index.js', undefined],
  ['/to-hidden/index.js', undefined],
  ['/hidden-link/main.ts', undefined],
  ['/hidden-link', undefined],
  ['/src/main.ts/x', undefined],
  ['/nosuch', undefined],
])('LocalTree looks %s up as if what is ignored were not there', (path, expected) => {
  const { tree } = filtered('node_modules', 'hidden-link');
  expect(tree.lookup(path, { follow: true })?.path).toBe(expected);
});

test('LocalTree does not follow a symlink unless asked, nor a loop', () => {
  const base = new MemoryTree({ '/a': { target: 'b' }, '/b': { target: 'a' } });
  const tree = new LocalTree('', base, ['x']);
  expect(tree.lookup('/a')?.stat.type).toBe('symlink');
  expect(tree.lookup('/a', { follow: true })).toBeUndefined();
  expect(tree.lookup('/a/x')).toBeUndefined();
});

test('LocalTree tells whether a missing file is ignored', () => {
  const { tree } = filtered('node_modules');
  expect(['/node_modules/a', '/nosuch', '/src'].map((path) => tree.hides(path))).toEqual([
    true,
    false,
    false,
  ]);
});

test('LocalTree carries user attributes and capabilities, but no labels of the host', () => {
  const xattrs = {
    'security.capability': 'c',
    'security.selinux': 's',
    'system.posix_acl_access': 'a',
    'user.k': 'v',
  };
  const tree = new LocalTree('', new MemoryTree({ '/f': { content: '', xattrs } }), []);
  expect(tree.xattrs(tree.lookup('/f')!).map(([name]) => name)).toEqual(['security.capability', 'user.k']);
});

test('localTree() reads a directory of the host and never leaves it', () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'context/sub'), { recursive: true });
  writeFileSync(join(folder, 'secret'), 'canary');
  writeFileSync(join(folder, 'context/f'), 'f');
  symlinkSync('../secret', join(folder, 'context/up'));
  symlinkSync(join(folder, 'secret'), join(folder, 'context/absolute'));
  symlinkSync('/f', join(folder, 'context/sub/inside'));
  chmodSync(join(folder, 'context/f'), 0o600);
  for (const tree of [localTree(join(folder, 'context')), localTree(join(folder, 'context'), ['nothing'])]) {
    expect(tree.lookup('/up', { follow: true })).toBeUndefined();
    expect(tree.lookup('/absolute', { follow: true })).toBeUndefined();
    expect(tree.lookup('/sub/inside', { follow: true })?.path).toBe('/f');
    expect(tree.lookup('/f')?.stat).toMatchObject({ type: 'file', mode: 0o600, size: 1 });
  }
});

test('localOperation gives the directory that the op names', async () => {
  const { tree } = filtered();
  const operation = localOperation(new Map([['context', tree]]));
  const context = { report: () => {}, signal: new AbortController().signal };
  const vertex = (name: string) => ({
    digest: 'd',
    op: { type: 'local' as const, name },
    inputs: [],
    meta: { name, ignoreCache: false },
  });
  expect(await operation.run(vertex('context'), [], context)).toEqual({
    kind: 'local',
    tree,
    name: 'context',
  });
  await expect(operation.run(vertex('other'), [], context)).rejects.toThrow(
    'No local directory is called "other"',
  );
});
