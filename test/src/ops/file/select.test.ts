import { expect, test } from 'vitest';
import { bytePath } from '../../../../layers/index.ts';
import { selectSources } from '../../../../src/ops/file/select.ts';
import { walk } from '../../../../src/ops/file/walk.ts';
import { OperationError } from '../../../../src/ops/operation-error.ts';
import { MemoryTree } from '../../../support/memory-tree.ts';

const context = () =>
  new MemoryTree({
    '/f': 'f',
    [bytePath('/größe/ü.txt')]: 'ü',
    '/latin\xfc': 'not UTF-8',
    '/dir/a.txt': 'a',
    '/dir/b.md': 'b',
    '/dir/sub/a.txt': 'sa',
    '/dir/sub/c.go': 'c',
    '/dir/sub2/a.txt': 's2a',
    '/dir/.hidden': 'h',
    '/link': { target: 'dir' },
    '/absolute': { target: '/dir/sub' },
    '/escape': { target: '../../../../dir/b.md' },
    '/linked-file': { target: 'f' },
    '/dangling': { target: '/nowhere' },
    '/w/real/x.txt': 'x',
    '/w/other/x.txt': 'y',
    '/w/link': { target: 'real' },
    '/we[ir]d*': 'weird',
    '/back\\slash': 'b',
  });

interface Options {
  readonly exclude?: readonly string[];
  readonly parents?: boolean;
}

/** `name=path` of every root, and what is below directories with an exclusion. */
function select(source: string, { exclude = [], parents = false }: Options = {}): readonly string[] {
  const tree = context();
  const [selected] = selectSources(tree, { sources: [source], display: [source], exclude, parents });
  return selected!.roots.flatMap(({ node, name, under, exclusion }) => [
    `${under === '' ? name : under}=${node.path}`,
    ...(exclude.length > 0 && node.stat.type === 'directory'
      ? [...walk(tree, node, exclusion)].map(({ path, implied }) => ` ${implied ? '(' : ''}${path}`)
      : []),
  ]);
}

test.each([
  ['f', ['f=/f']],
  ['/f', ['f=/f']],
  ['f/', ['f=/f']],
  ['./dir/../f', ['f=/f']],
  ['../../f', ['f=/f']],
  ['', ['=/']],
  ['.', ['=/']],
  ['/', ['=/']],
  ['dir/.', ['dir=/dir']],
  ['dir/', ['dir=/dir']],
  ['link', ['link=/dir']],
  ['link/a.txt', ['a.txt=/dir/a.txt']],
  ['absolute/c.go', ['c.go=/dir/sub/c.go']],
  ['escape', ['escape=/dir/b.md']],
  ['linked-file', ['linked-file=/f']],
  ['link/../f', ['f=/f']],
  ['back\\slash', ['back\\slash=/back\\slash']],
])('selectSources() finds what %j names', (source, expected) => {
  expect(select(source)).toEqual(expected);
});

test.each([
  ['dir/*', ['.hidden=/dir/.hidden', 'a.txt=/dir/a.txt', 'b.md=/dir/b.md', 'sub=/dir/sub', 'sub2=/dir/sub2']],
  ['dir/*.txt', ['a.txt=/dir/a.txt']],
  ['dir/sub?', ['sub2=/dir/sub2']],
  ['d*/s*/a.txt', ['a.txt=/dir/sub/a.txt', 'a.txt=/dir/sub2/a.txt']],
  ['link/s*/a.txt', ['a.txt=/dir/sub/a.txt', 'a.txt=/dir/sub2/a.txt']],
  ['dir/[ab].*', ['a.txt=/dir/a.txt', 'b.md=/dir/b.md']],
  ['**/a.txt', ['a.txt=/dir/a.txt']],
  ['linked*', ['linked-file=/f']],
  ['w/*/x.txt', ['x.txt=/w/other/x.txt', 'x.txt=/w/real/x.txt']],
  ['w/l*', ['link=/w/real']],
  ['we[[]ir]d[*]', ['we[ir]d*=/we[ir]d*']],
  ['größe/?.txt', [`${bytePath('ü.txt')}=${bytePath('/größe/ü.txt')}`]],
  ['latin*', ['latin\xfc=/latin\xfc']],
  ['nosuch*', []],
  ['dir/*/nosuch', []],
  ['f/*', []],
])('selectSources() expands the wildcards of %j component by component', (source, expected) => {
  expect(select(source)).toEqual(expected);
});

test.each([
  ['/nosuch', '"/nosuch": not found'],
  ['nosuch', '"/nosuch": not found'],
  ['dir/nosuch', '"/dir/nosuch": not found'],
  ['f/x', '"/f/x": not found'],
  ['nosuch/*.x', '"/nosuch": not found'],
  ['dangling', '"/dangling": not found'],
  ['dang*', '"/dangling": not found'],
])('selectSources() fails for %j, which is not there', (source, message) => {
  expect(() => select(source)).toThrow(message);
});

test('selectSources() names a pattern that is none', () => {
  const attempt = () => select('[bad');
  expect(attempt).toThrow(OperationError);
  expect(attempt).toThrow('syntax error in pattern');
});

test('selectSources() leaves out what --exclude matches in the copied directory', () => {
  expect(select('dir', { exclude: ['a.txt', 'sub2'] })).toEqual([
    'dir=/dir',
    ' .hidden',
    ' b.md',
    ' sub',
    ' sub/a.txt',
    ' sub/c.go',
  ]);
});

test('selectSources() does not list a directory that --exclude leaves out whole', () => {
  const tree = context();
  const [selected] = selectSources(tree, {
    sources: ['dir'],
    display: ['dir'],
    exclude: ['sub'],
    parents: false,
  });
  const [root] = selected!.roots;
  tree.calls.children = 0;
  expect([...walk(tree, root!.node, root!.exclusion)].length).toBe(5);
  expect(tree.calls.children).toBe(2);
});

test('selectSources() keeps the directories of what a negated pattern takes back', () => {
  expect(select('dir', { exclude: ['*', '!sub/c.go', '!sub2/nosuch'] })).toEqual([
    'dir=/dir',
    ' (sub',
    ' sub/c.go',
  ]);
});

test('selectSources() lets everything be excluded but the root', () => {
  expect(select('dir', { exclude: ['**'] })).toEqual(['dir=/dir']);
});

test.each([
  ['a file that was named', 'dir/a.txt', ['a.txt'], ['a.txt=/dir/a.txt']],
  ['no file that was matched', 'dir/*.txt', ['*.txt', 'dir'], ['a.txt=/dir/a.txt']],
  ['nothing, when it begins with a slash', 'dir/sub2', ['/a.txt'], ['sub2=/dir/sub2', ' a.txt']],
  [
    'what is in matched directories, relative to themselves',
    'di*',
    ['sub*', '.h*'],
    ['dir=/dir', ' a.txt', ' b.md'],
  ],
  [
    'all but what is taken back, relative to the matched directory',
    'di*',
    ['*', '!sub/c.go'],
    ['dir=/dir', ' (sub', ' sub/c.go'],
  ],
])('selectSources() applies --exclude to %s', (_what, source, exclude, expected) => {
  expect(select(source, { exclude })).toEqual(expected);
});

test.each([
  ['dir/a.txt', ['dir/a.txt=/dir/a.txt']],
  ['./dir/sub/', ['dir/sub=/dir/sub']],
  ['dir/./sub/a.txt', ['sub/a.txt=/dir/sub/a.txt']],
  ['./dir/./sub/./a.txt', ['sub/a.txt=/dir/sub/a.txt']],
  ['./dir/./', ['=/dir']],
  ['dir/sub/./*.txt', ['a.txt=/dir/sub/a.txt']],
  ['dir/*/a.txt', ['dir/sub/a.txt=/dir/sub/a.txt', 'dir/sub2/a.txt=/dir/sub2/a.txt']],
  ['**/a.txt', ['dir/a.txt=/dir/a.txt', 'dir/sub/a.txt=/dir/sub/a.txt', 'dir/sub2/a.txt=/dir/sub2/a.txt']],
  ['dir/**/**/c.go', ['dir/sub/c.go=/dir/sub/c.go']],
  ['dir/sub/**', ['dir/sub/a.txt=/dir/sub/a.txt', 'dir/sub/c.go=/dir/sub/c.go']],
  ['**/s*', ['dir/sub=/dir/sub', 'dir/sub2=/dir/sub2']],
  ['link/a.txt', ['link/a.txt=/dir/a.txt']],
  ['l*/./a.txt', ['a.txt=/dir/a.txt']],
  ['linked-file', ['linked-file=/linked-file']],
  ['nosuch/*.txt', []],
  ['**/nosuch', []],
])('selectSources() keeps the path of %j with --parents', (source, expected) => {
  expect(select(source, { parents: true })).toEqual(expected);
});

test('selectSources() fails with --parents for a path that is not there', () => {
  expect(() => select('dir/nosuch', { parents: true })).toThrow('"/dir/nosuch": not found');
  expect(() => select('nosuch/./*', { parents: true })).toThrow('"/nosuch": not found');
});

test('selectSources() applies --exclude to the kept path with --parents', () => {
  expect(select('**/a.txt', { parents: true, exclude: ['dir/sub/*'] })).toEqual([
    'dir/a.txt=/dir/a.txt',
    'dir/sub2/a.txt=/dir/sub2/a.txt',
  ]);
  expect(select('./dir', { parents: true, exclude: ['**/a.txt', 'dir/sub2'] })).toEqual([
    'dir=/dir',
    ' .hidden',
    ' b.md',
    ' sub',
    ' sub/c.go',
  ]);
});
