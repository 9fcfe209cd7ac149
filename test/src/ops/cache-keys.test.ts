import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../layers/index.ts';
import type { CopyAction, ExecMount, ExecOp, FileOp, Op } from '../../../src/llb/op.ts';
import { execOperation } from '../../../src/ops/exec.ts';
import { fileOperation } from '../../../src/ops/file.ts';
import { mergeOperation } from '../../../src/ops/merge.ts';
import { cacheKey } from '../../../src/solver/cache-key.ts';
import type { Operation } from '../../../src/solver/operation.ts';
import type { Result } from '../../../src/solver/result.ts';
import { layerStore, sketchLayer } from '../../support/layer-store.ts';
import type { Sketch } from '../../support/memory-tree.ts';
import { seededRandom } from '../../support/seeded-random.ts';

/*
 * Rows B15 and B16 of the security checklist: whatever a step's result depends on is in its key, and no two different
 * steps have one key. Each field is changed alone, and text is moved from every field to the next.
 */

type Leaf = { readonly path: readonly (string | number)[]; readonly value: unknown };

/** Every value in the op that holds no others, and where it is. */
function leaves(value: unknown, path: Leaf['path'] = []): Leaf[] {
  if (typeof value !== 'object' || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([name, inner]) =>
    leaves(inner, [...path, Array.isArray(value) ? Number(name) : name]),
  );
}

/** A copy with another value at the path. */
function withValue<T>(whole: T, [first, ...rest]: Leaf['path'], value: unknown): T {
  if (first === undefined) return value as T;
  const copy = (Array.isArray(whole) ? [...whole] : { ...whole }) as Record<string | number, unknown>;
  copy[first] = withValue(copy[first], rest, value);
  return copy as T;
}

function changed(value: unknown): unknown {
  if (value === 'never') return 'always';
  if (typeof value === 'string') return `${value}x`;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  throw new TypeError(`Nothing is known to change ${value} to`);
}

/** Lists, by path: to be made longer, shorter, or turned round. */
function lists(value: unknown, path: Leaf['path'] = []): Leaf[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) ? [{ path, value }] : [];
  return [
    ...own,
    ...Object.entries(value).flatMap(([name, inner]) =>
      lists(inner, [...path, Array.isArray(value) ? Number(name) : name]),
    ),
  ];
}

/** What COPY takes counts by what it is: not where it comes from, and not as it was written. */
function isTold(op: Op, path: Leaf['path']): boolean {
  return path.includes('display') || (op.type === 'file' && path.at(-1) === 'input');
}

const named = (path: Leaf['path']) => path.join('.');

const EXEC: ExecOp = {
  type: 'exec',
  args: ['/bin/sh', '-c', 'make all'],
  env: ['PATH=/bin', 'A=1'],
  cwd: '/work',
  user: 'user:group',
  hostname: 'host',
  mounts: [
    { type: 'bind', target: '/bound', input: 1, source: '/dir', readonly: true },
    {
      type: 'cache',
      target: '/cache',
      input: 2,
      source: '/dir',
      readonly: false,
      id: 'id',
      sharing: 'shared',
      mode: 0o700,
      uid: 5,
      gid: 6,
    },
    { type: 'tmpfs', target: '/tmp', size: 100 },
    {
      type: 'secret',
      id: 'secret',
      target: '/secret',
      env: 'SECRET',
      required: true,
      mode: 0o400,
      uid: 1,
      gid: 2,
    },
    { type: 'ssh', id: 'agent', target: '/agent', required: false, mode: 0o600, uid: 3, gid: 4 },
  ] satisfies ExecMount[],
  network: 'none',
  security: 'sandbox',
  extraHosts: [{ host: 'name', ip: '10.0.0.1' }],
  ulimits: [{ name: 'nofile', soft: 10, hard: 20 }],
  shmSize: 1000,
  cgroupParent: 'parent',
  resources: {
    memory: 1,
    memorySwap: 2,
    cpuShares: 3,
    cpuPeriod: 4,
    cpuQuota: 5,
    cpusetCpus: '0',
    cpusetMems: '0',
  },
  proxyEnv: ['HTTP_PROXY=a'],
  devices: [{ name: 'vendor.com/device=x', required: true }],
};

/** How a step is run, not what it makes. docs/cache-key.md says so, and BuildKit leaves them out as well. */
const LEFT_OUT = /^(extraHosts\.\d+\.ip|cgroupParent|resources\..*|proxyEnv\..*)$/;

const COPY: CopyAction = {
  kind: 'copy',
  input: 1,
  sources: ['/dir', '/file*'],
  destination: '/to/',
  owner: '5:6',
  mode: { octal: 0o640 },
  keepOwner: false,
  exclude: ['**/*.no'],
  parents: false,
  unpack: 'never',
  display: ['dir', 'file*'],
};

/** Without owner, with the other kind of mode, and whole paths. */
const PARENTS: CopyAction = {
  kind: 'copy',
  input: 1,
  sources: ['/dir/deep'],
  destination: '/whole/',
  mode: { symbolic: 'u=rw,go=r' },
  keepOwner: true,
  exclude: [],
  parents: true,
  unpack: 'never',
  display: ['dir/deep'],
};

const FILE: FileOp = {
  type: 'file',
  actions: [
    COPY,
    PARENTS,
    {
      kind: 'mkfile',
      destination: '/made/',
      name: 'name',
      data: 'text',
      owner: '1:2',
      mode: { octal: 0o600 },
      defaultMode: 0o644,
    },
    { kind: 'mkdir', path: '/work', owner: '3', mode: 0o755, mtime: 1700000000 },
  ],
};

const SOURCE: Record<string, Sketch> = {
  '/dir/file': 'content',
  '/dir/script': { content: 'run', mode: 0o755 },
  '/dir/link': { target: 'file' },
  '/dir/deep/a': 'a',
  '/dir/deep.no': 'x',
  '/dir/deepx/a': 'b',
  '/dirx/file': 'another',
  '/file1': 'one',
  '/file*x': 'odd',
};

let store: Store;
let operations: Readonly<Record<string, Operation>>;

/** The result of an input with the files. */
function result(sketch: Readonly<Record<string, Sketch>>): Result {
  return { kind: 'layers', layers: [sketchLayer(store, sketch)] };
}

interface Input {
  readonly key: string;
  readonly result: Result;
}

async function keyOf(op: Op, inputs: readonly Input[]): Promise<string> {
  const vertex = { op } as Parameters<Operation['keyParts']>[0];
  const asked = inputs.map(({ key, result: value }) => ({
    key,
    result: async () => value,
    chain: async () => undefined,
  }));
  const context = { report: () => {}, signal: new AbortController().signal };
  return cacheKey(await operations[op.type]!.keyParts(vertex, asked, context));
}

describe.each<[string, Op]>([
  ['RUN', EXEC],
  ['COPY, a here-document and WORKDIR', FILE],
])('the key of %s', (_, op) => {
  beforeEach(() => {
    store = layerStore();
    operations = {
      exec: execOperation({
        store,
        secrets: { secret: () => undefined, sshSocket: () => undefined, secretIds: [] },
      }),
      file: fileOperation(store),
      merge: mergeOperation,
    };
  });

  const inputs = (): readonly Input[] => {
    const source = result(SOURCE);
    return ['root', 'one', 'two', 'three'].map((key) => ({ key, result: source }));
  };

  test('changes with each field alone (B15)', async () => {
    const base = await keyOf(op, inputs());
    const seen = new Map([[base, 'nothing']]);
    for (const { path, value } of leaves(op)) {
      if (path[0] === 'type' || path.at(-1) === 'type' || path.at(-1) === 'kind') continue;
      if (isTold(op, path)) continue;
      const other = await keyOf(withValue(op, path, changed(value)), inputs());
      if (LEFT_OUT.test(named(path))) expect(other, named(path)).toBe(base);
      else expect(seen.get(other), named(path)).toBeUndefined();
      seen.set(other, named(path));
    }
  });

  test('changes when a list gets longer, shorter or another order, and when a field is missing (B15)', async () => {
    const base = await keyOf(op, inputs());
    const differs = async (path: Leaf['path'], value: unknown) => {
      if (LEFT_OUT.test(`${named(path)}.0`) || path.includes('display')) return;
      expect(await keyOf(withValue(op, path, value), inputs()), named(path)).not.toBe(base);
    };
    for (const { path, value } of lists(op)) {
      const list = value as readonly unknown[];
      // Sources and what is said of them belong together; patterns count by what they select.
      if (['sources', 'exclude'].includes(String(path.at(-1))) || path.at(-1) === 'extraHosts') continue;
      await differs(path, list.slice(1));
      await differs(path, [...list, list[0]]);
      if (list.length > 1) await differs(path, list.toReversed());
    }
    for (const field of ['owner', 'mode', 'size', 'env', 'uid', 'shmSize', 'mtime'])
      for (const { path } of leaves(op).filter(({ path: at }) => at.at(-1) === field))
        await differs(path, undefined);
  });

  test('changes when text moves from one field to the next (B16)', async () => {
    const texts = leaves(op).filter(
      ({ path, value }) =>
        typeof value === 'string' &&
        value.length > 1 &&
        !/type|kind|source|exclude|display|resources|proxyEnv|cgroupParent|ip$|unpack/.test(named(path)),
    );
    const random = seededRandom(16);
    const seen = new Map([[await keyOf(op, inputs()), 'nothing']]);
    for (const [index, from] of texts.entries()) {
      const to = texts[index + 1];
      if (to === undefined) break;
      const cut = 1 + random.below(String(from.value).length - 1);
      const [kept, moved] = [String(from.value).slice(0, cut), String(from.value).slice(cut)];
      const shifted = withValue(withValue(op, from.path, kept), to.path, moved + String(to.value));
      const key = await keyOf(shifted, inputs());
      expect(seen.get(key), `${named(from.path)} to ${named(to.path)}`).toBeUndefined();
      seen.set(key, named(from.path));
    }
  });

  test('changes with the key of its root, and with what it reads of other inputs alone (B15)', async () => {
    const base = await keyOf(op, inputs());
    const withInput = (index: number, change: Partial<Input>) =>
      keyOf(
        op,
        inputs().map((input, at) => (at === index ? { ...input, ...change } : input)),
      );
    expect(await withInput(0, { key: 'other' })).not.toBe(base);
    // Input 1 is read: its files count, and nothing else of it.
    expect(await withInput(1, { key: 'other' })).toBe(base);
    expect(await withInput(1, { result: result({ ...SOURCE, '/elsewhere': 'x' }) })).toBe(base);
    for (const change of CHANGES)
      expect(
        await withInput(1, { result: result({ ...SOURCE, ...change }) }),
        JSON.stringify(change),
      ).not.toBe(base);
    // A cache begins with what is there when it is made: all of input 2, for RUN.
    if (op.type === 'exec') expect(await withInput(2, { key: 'other' })).not.toBe(base);
    expect(await withInput(3, { key: 'other' })).toBe(base);
  });
});

/** One thing each, in what both ops read of their input. */
const CHANGES: readonly Readonly<Record<string, Sketch>>[] = [
  { '/dir/file': 'c0ntent' },
  { '/dir/file': 'content ' },
  { '/dir/file': { content: 'content', xattrs: { 'user.a': 'b' } } },
  { '/dir/new': '' },
  { '/dir/deep/b': 'a' },
  { '/dir/link': { target: 'script' } },
  { '/dir/link': 'file' },
  { '/dir/empty': { type: 'directory' } },
];

describe('the key of COPY --link', () => {
  test('changes with the key of either input (B15)', async () => {
    const merge = async (keys: readonly string[]) => {
      const asked = keys.map((key) => ({
        key,
        result: async () => Promise.reject(new Error('read')),
        chain: async () => undefined,
      }));
      const context = { report: () => {}, signal: new AbortController().signal };
      const vertex = { op: { type: 'merge' } } as Parameters<Operation['keyParts']>[0];
      return cacheKey(await mergeOperation.keyParts(vertex, asked, context));
    };
    const keys = await Promise.all(
      [
        ['a', 'b'],
        ['a', 'c'],
        ['c', 'b'],
        ['b', 'a'],
        ['ab', ''],
      ].map(merge),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });
});
