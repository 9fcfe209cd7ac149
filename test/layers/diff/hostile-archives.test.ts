import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyLayer } from '../../../layers/diff/apply.ts';
import { extractArchive } from '../../../layers/diff/extract-archive.ts';
import { DescriptorPool } from '../../../layers/snapshots/descriptor-pool.ts';
import { LayerStack } from '../../../layers/snapshots/layer-stack.ts';
import { UpperDirectory } from '../../../layers/snapshots/upper-directory.ts';
import { UpperWriter } from '../../../layers/snapshots/upper-writer.ts';
import {
  type ArchiveCase,
  archiveCases,
  assemble,
  type Expectation,
  substitute,
} from '../../support/archive-cases.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { inspectTree, outlineTree } from '../../support/tree.ts';

const MARKS = 'trusted.overlay.';
const start = process.cwd();

let folder: string;
let names: Readonly<Record<string, string>>;

beforeEach(() => {
  folder = tempFolder();
  mkdirSync(join(folder, 'canary'));
  mkdirSync(join(folder, 'above/store/layer'), { recursive: true });
  writeFileSync(join(folder, 'canary/secret'), 'canary');
  linkSync(join(folder, 'canary/secret'), join(folder, 'canary/other-name'));
  const canary = join(folder, 'canary');
  names = { canary, inside: canary.slice(1), above: join(folder, 'above') };
});

afterEach(() => process.chdir(start));

/** All that is outside of the layer, the number of names of the canary included. */
function outside(): unknown {
  const found = inspectTree(folder);
  return Object.fromEntries(Object.entries(found).filter(([path]) => !path.startsWith('above/store/layer')));
}

const layer = () => join(folder, 'above/store/layer');

async function codeOf(action: Promise<unknown>): Promise<string | undefined> {
  try {
    await action;
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.name !== 'StoreError') throw error;
    return String(error.code);
  }
}

function check(expected: Expectation, code: string | undefined): void {
  if (expected.error !== undefined) {
    expect([expected.error].flat()).toContain(code);
    return;
  }
  expect(code).toBeUndefined();
  if (expected.tree !== undefined) expect(outlineTree(layer())).toEqual(expected.tree);
  if (expected.has !== undefined) expect(outlineTree(layer())).toMatchObject(expected.has);
}

function checkDetails({ modes = {}, xattrs = {} }: ArchiveCase): void {
  const tree = inspectTree(layer());
  for (const [path, mode] of Object.entries(modes)) expect(tree[path]?.mode).toBe(mode);
  for (const [path, keys] of Object.entries(xattrs))
    expect(Object.keys(tree[path]?.xattrs ?? {})).toEqual(keys);
}

/** Runs the attack, and checks that it came to nothing outside. */
async function attack(action: () => Promise<unknown>): Promise<string | undefined> {
  const before = outside();
  // Where a name that is taken as relative would lead.
  process.chdir(join(folder, 'canary'));
  const code = await codeOf(action());
  expect(outside()).toEqual(before);
  return code;
}

async function attackLayer(listed: ArchiveCase): Promise<void> {
  const archive = substitute(listed, names);
  const code = await attack(() => applyLayer(Readable.from([assemble(archive)]), layer()));
  check(archive.expect ?? {}, code);
  if (code === undefined) checkDetails(archive);
}

/** `hasSymlink`: a layer below has a symlink to the canary. */
async function attackByAdd(listed: ArchiveCase, hasSymlink: boolean): Promise<void> {
  const archive = substitute(listed, names);
  const lower = join(folder, 'above/store/lower');
  mkdirSync(lower);
  const symlink = assemble({ name: '', entries: [{ symlink: 's', to: names.canary }] });
  await applyLayer(Readable.from([symlink]), lower);
  const pool = new DescriptorPool();
  const stack = new LayerStack(hasSymlink ? [{ directory: () => lower }] : [], { space: MARKS, pool });
  const writer = new UpperWriter(stack, new UpperDirectory(layer(), MARKS, pool));
  const code = await attack(async () => {
    await extractArchive(Readable.from([assemble(archive)]), writer, '/');
    writer.finish();
  });
  pool.forgetAll();
  if (archive.add !== 'any') check(archive.add ?? archive.expect ?? {}, code);
  if (code === undefined) checkDetails(archive);
}

const files = archiveCases();

// Loops, since `each` cuts long names.
for (const { row, about, cases } of files) {
  describe(`${row}: ${about}`, () => {
    for (const listed of cases) {
      test(`applyLayer(): ${listed.name}`, () => attackLayer(listed));
      test(`extractArchive(): ${listed.name}`, () => attackByAdd(listed, row === 'T11'));
    }
  });
}

test('every row of the checklist about tars has a file', () => {
  // T18 is about what tars are compressed with: compression.test.ts.
  const rows = Array.from({ length: 17 }, (_, index) => `T${String(index + 1).padStart(2, '0')}`);
  expect(files.map(({ row }) => row)).toEqual(rows);
});
