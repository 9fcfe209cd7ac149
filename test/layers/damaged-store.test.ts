import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StoreError } from '../../layers/errors.ts';
import { bytePath, type DiffId, type Digest, digestOf, openStore, type Store } from '../../layers/index.ts';
import { mutated } from '../support/mutated.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { tempFolder } from '../support/temp-folder.ts';

const NAME = 'docker.io/library/x:latest';

/** A store with one of everything that is kept as a document. */
async function makeStore(root: string): Promise<{ readonly diffId: DiffId; readonly blob: Digest }> {
  const store = openStore(root);
  const snapshot = store.snapshots.prepare([]);
  const writer = snapshot.writer();
  writer.file(bytePath('/file'), Buffer.from('content'), { mode: 0o644, uid: 0, gid: 0 });
  writer.finish();
  const { diffId } = await snapshot.commit().diff;
  const { digest: blob, size } = store.content.putBytes(Buffer.from('{"config":{},"layers":[]}'));
  store.images.set(NAME, { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: blob, size });
  store.records.set('cache', 'key', { layers: [diffId], blobs: [blob], value: { name: 'step' } });
  store.close();
  return { diffId, blob };
}

/** All that commands do with documents they find; each may refuse, in the store's own words. */
async function useAll(root: string, { diffId, blob }: { diffId: DiffId; blob: Digest }): Promise<void> {
  const uses: readonly ((store: Store) => unknown)[] = [
    (store) => store.records.get('cache', 'key'),
    (store) => [...store.records.list('cache')],
    (store) => store.images.get(NAME),
    (store) => store.images.list(),
    (store) => store.snapshots.layer(diffId)?.directory(),
    (store) => [...store.snapshots.list()],
    (store) => store.blobOf(diffId),
    (store) => store.content.info(blob),
    (store) => store.check(),
    (store) => store.gc({ dryRun: true }),
  ];
  const store = openStore(root);
  for (const use of uses) {
    try {
      await use(store);
    } catch (error) {
      expect(error, String((error as Error).stack)).toBeInstanceOf(StoreError);
    }
  }
  store.close();
}

test('a store with damaged documents is used as if they were not there, or refuses (B04)', async () => {
  const root = join(tempFolder(), 'store');
  const made = await makeStore(root);
  const files = documentsIn(root);
  expect(files.map((file) => file.slice(root.length + 1).split('/')[0]).toSorted()).toEqual([
    'images',
    'layers',
    'records',
  ]);
  const before = await checked(root);
  const random = seededRandom(4);
  for (const file of files) {
    const whole = readFileSync(file);
    for (const text of mutated(JSON.parse(whole.toString()), random, 1)) {
      writeFileSync(file, text);
      await useAll(root, made);
    }
    writeFileSync(file, Buffer.from([0xff, 0xfe, 0x00]));
    await useAll(root, made);
    writeFileSync(file, whole);
  }
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(await checked(root)).toEqual(before);
  const store = openStore(root);
  expect(store.records.get('cache', 'key')?.value).toEqual({ name: 'step' });
  store.close();
}, 60_000);

test.each(['', 'tsbuild store 2\n', 'tsbuild store 99999999999\n', 'x', '\0'.repeat(100)])(
  'a store whose version is %j is refused, and left alone (B04)',
  async (text) => {
    const root = join(tempFolder(), 'store');
    await makeStore(root);
    writeFileSync(join(root, 'version'), text);
    expect(() => openStore(root)).toThrow(
      expect.objectContaining({ name: 'StoreError', code: 'UNSUPPORTED' }),
    );
    expect(readFileSync(join(root, 'version'), 'utf8')).toBe(text);
  },
);

test('a store with names that nobody gave is used as if they were not there (B04)', async () => {
  const root = join(tempFolder(), 'store');
  const made = await makeStore(root);
  for (const area of [
    'active',
    'ingest',
    'images',
    'records',
    'records/cache',
    'leases',
    'locks',
    'blobs/sha256',
    'layers/sha256',
  ])
    for (const name of [
      'x',
      '..x',
      '-rf',
      'a b\n',
      'é',
      '0'.repeat(64),
      `${'f'.repeat(64)}.json`,
      '0123456789abcdef',
    ]) {
      if (area !== 'locks') mkdirSync(join(root, area, `${name}.directory`), { recursive: true });
      writeFileSync(join(root, area, name), '{}');
    }
  await useAll(root, made);
  const store = openStore(root);
  const { layers } = await store.gc();
  expect(layers).not.toContain(made.diffId);
  expect(store.snapshots.layer(made.diffId)).toBeDefined();
  expect(store.content.info(digestOf('{"config":{},"layers":[]}'))).toBeDefined();
  store.close();
});

async function checked(root: string) {
  const store = openStore(root);
  const problems = await store.check();
  store.close();
  return problems;
}

function documentsIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => path.endsWith('.json') && statSync(path).isFile());
}
