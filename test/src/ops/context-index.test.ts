import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FileNode, FileStat } from '../../../layers/index.ts';
import { ContextIndex } from '../../../src/ops/context-index.ts';

let store: string;

beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'context-index-'));
});

afterEach(() => rmSync(store, { recursive: true }));

const SECOND = 1_000_000_000n;
const CHANGED = 1_700_000_000n * SECOND + 123n;
const LATER = CHANGED + 60n * SECOND;

function node(ino: number, stat: Partial<FileStat> = {}): FileNode {
  return {
    path: `/${ino}`,
    stat: {
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: 10,
      mtimeNs: CHANGED,
      ctimeNs: CHANGED,
      dev: 7n,
      ino: BigInt(ino),
      nlink: 1,
      rdevMajor: 0,
      rdevMinor: 0,
      ...stat,
    },
  };
}

const digest = (byte: number, hasXattrs = false) => ({ hasXattrs, digest: new Uint8Array(32).fill(byte) });
const open = (directory = '/context') => new ContextIndex(store, directory);

function saved(...files: readonly (readonly [FileNode, ReturnType<typeof digest>])[]): ContextIndex {
  const index = open();
  for (const [file, found] of files) index.set(file, found, LATER);
  index.save();
  return index;
}

test('ContextIndex knows the digests that it was told, in the next process too', () => {
  saved([node(1), digest(1)], [node(2), digest(2, true)]);
  const index = open();
  expect(index.get(node(1))).toEqual(digest(1));
  expect(index.get(node(2))).toEqual(digest(2, true));
  expect(index.get(node(3))).toBeUndefined();
});

test('ContextIndex knows a digest at once, and after it was saved', () => {
  const index = open();
  index.set(node(1), digest(1), LATER);
  expect(index.get(node(1))).toEqual(digest(1));
  index.save();
  expect(index.get(node(1))).toEqual(digest(1));
});

test.each<[string, Partial<FileStat>]>([
  ['size', { size: 11 }],
  ['a size that differs by 2³²', { size: 10 + 2 ** 32 }],
  ['modification time', { mtimeNs: CHANGED + 1n }],
  ['change time', { ctimeNs: CHANGED + 1n }],
  ['device', { dev: 8n }],
])('ContextIndex does not know a file that differs in %s', (_what, change) => {
  const index = saved([node(1), digest(1)]);
  expect(index.get(node(1, change))).toBeUndefined();
  expect(open().get(node(1, change))).toBeUndefined();
});

test('ContextIndex keeps directories apart', () => {
  saved([node(1), digest(1)]);
  expect(open('/other').get(node(1))).toBeUndefined();
});

test.each<[string, Partial<FileStat>, bigint]>([
  ['changed in the tick before it was read', {}, CHANGED + SECOND / 20n],
  ['changed after it was read', {}, CHANGED - 1n],
  ['with a modification time in the future', { mtimeNs: LATER + 1n }, LATER],
  [
    'changed in the second before it was read, where times are whole seconds',
    { ctimeNs: CHANGED - 123n, mtimeNs: 0n },
    CHANGED + SECOND,
  ],
])('ContextIndex does not trust a file %s', (_what, change, readFrom) => {
  const index = open();
  index.set(node(1, change), digest(1), readFrom);
  expect(index.get(node(1, change))).toBeUndefined();
});

test('ContextIndex replaces what it knew of an inode, and keeps the rest', () => {
  saved([node(1), digest(1)], [node(2), digest(2)]);
  const changed = node(1, { ctimeNs: CHANGED + 5n });
  saved([changed, digest(9)]);
  const index = open();
  expect(index.get(changed)).toEqual(digest(9));
  expect(index.get(node(2))).toEqual(digest(2));
});

test('ContextIndex forgets files that long were not asked for', () => {
  saved([node(1), digest(1)], [node(2), digest(2)]);
  for (let round = 0; round < 25; round++) {
    const index = open();
    index.get(node(2));
    index.set(node(3, { ctimeNs: CHANGED + BigInt(round) }), digest(3), LATER);
    index.save();
  }
  expect(open().get(node(1))).toBeUndefined();
  expect(open().get(node(2))).toEqual(digest(2));
});

test('ContextIndex writes nothing when it has learnt nothing, and leaves no temporary file', () => {
  saved([node(1), digest(1)]);
  const [name, ...others] = readdirSync(join(store, 'context-index'));
  expect(others).toEqual([]);
  const path = join(store, 'context-index', name!);
  writeFileSync(path, readFileSync(path));
  const index = open();
  index.get(node(1));
  rmSync(path);
  index.save();
  expect(readdirSync(join(store, 'context-index'))).toEqual([]);
});

test('ContextIndex keeps the contexts that were saved last', () => {
  const seen = new Set<string>();
  for (let context = 0; context < 70; context++) {
    const index = open(`/${context}`);
    index.set(node(1), digest(1), LATER);
    index.save();
    const time = 1_000_000 + context;
    for (const name of readdirSync(join(store, 'context-index')))
      if (!seen.has(name)) utimesSync(join(store, 'context-index', name), time, time);
    for (const name of readdirSync(join(store, 'context-index'))) seen.add(name);
  }
  expect(readdirSync(join(store, 'context-index')).length).toBeLessThanOrEqual(64);
  expect(open('/0').get(node(1))).toBeUndefined();
  expect(open('/69').get(node(1))).toEqual(digest(1));
});

test('ContextIndex takes a damaged file for none, and writes a good one again', () => {
  saved([node(1), digest(1)]);
  const [name] = readdirSync(join(store, 'context-index'));
  const path = join(store, 'context-index', name!);
  const good = readFileSync(path);
  const damages: Buffer[] = [
    Buffer.alloc(0),
    Buffer.from('x'),
    good.subarray(0, good.length - 1),
    good.subarray(1),
  ];
  for (let at = 0; at < good.length; at += 7) {
    const damaged = Buffer.from(good);
    damaged[at]! ^= 0x40;
    damages.push(damaged);
  }
  for (const damaged of damages) {
    writeFileSync(path, damaged);
    expect(open().get(node(1))).toBeUndefined();
  }
  saved([node(1), digest(1)]);
  expect(open().get(node(1))).toEqual(digest(1));
});

test('ContextIndex does without a file where it cannot write one', () => {
  rmSync(store, { recursive: true });
  writeFileSync(store, '');
  expect(() => saved([node(1), digest(1)])).not.toThrow();
});
