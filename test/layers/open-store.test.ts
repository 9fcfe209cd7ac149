import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../layers/index.ts';
import { bundleScript, exitCode, killHard, nextMessage, start } from '../support/child-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { openBareStore, tempStore } from '../support/temp-store.ts';

const asRoot = process.geteuid?.() === 0;

describe('openStore()', () => {
  test('makes a store that nobody else can look into', () => {
    const root = join(tempFolder(), 'a/b/store');
    const store = openBareStore(root);
    expect(store.root).toBe(root);
    expect(statSync(root).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(root, 'version'), 'utf8')).toBe('tsbuild store 1\n');
  });

  test('takes an empty directory, and closes it to others', () => {
    const root = tempFolder();
    chmodSync(root, 0o755);
    mkdirSync(join(root, 'lost+found'));
    openBareStore(root);
    expect(statSync(root).mode & 0o777).toBe(0o700);
  });

  test('opens a store through a symbolic link to it', () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'real'));
    symlinkSync('real', join(folder, 'link'));
    openBareStore(join(folder, 'link')).content.putBytes(Buffer.from('x'));
    expect(openBareStore(join(folder, 'real')).content.info(digestOf('x'))).toBeDefined();
  });

  test('refuses a directory with other files, and leaves it alone', () => {
    const root = tempFolder();
    writeFileSync(join(root, 'thesis.txt'), '');
    chmodSync(root, 0o1777);
    expect(() => openBareStore(root)).toThrow(/already holds other files \("thesis.txt"\)/);
    expect(readdirSync(root)).toEqual(['thesis.txt']);
    expect(statSync(root).mode & 0o7777).toBe(0o1777);
  });

  test('leaves the mode of a directory alone whose version is not that of a store', () => {
    const root = tempFolder();
    writeFileSync(join(root, 'version'), '1.0.0\n');
    chmodSync(root, 0o755);
    expect(() => openBareStore(root)).toThrow(/is not a store's/);
    expect(statSync(root).mode & 0o777).toBe(0o755);
  });

  test.each(['größe', '倉庫'])('empties the trash of a store at a path that is not ASCII: %s', (name) => {
    const root = join(tempFolder(), name);
    openBareStore(root).close();
    mkdirSync(join(root, 'trash/old'));
    openBareStore(root).close();
    expect(readdirSync(join(root, 'trash'))).toEqual([]);
  });

  test.each([
    ['tsbuild store 2\n', /has format 2, and only 1 is known; use a newer version/],
    ['1.0.0\n', /its file "version" is not a store's/],
    ['', /its file "version" is not a store's/],
  ])('refuses the version %j', (version, message) => {
    const root = tempFolder();
    writeFileSync(join(root, 'version'), version);
    expect(() => openBareStore(root)).toThrow(message);
    expect(() => openBareStore(root)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  test.runIf(asRoot)('refuses a directory of somebody else', async () => {
    const root = tempFolder();
    const { chownSync } = await import('node:fs');
    chownSync(root, 4242, 4242);
    expect(() => openBareStore(root)).toThrow(/it belongs to user 4242/);
    expect(readdirSync(root)).toEqual([]);
  });

  test('completes a store whose making was cut short', () => {
    const root = tempFolder();
    mkdirSync(join(root, 'blobs'));
    writeFileSync(join(root, 'version.0123456789abcdef'), 'tsb');
    openBareStore(root).content.putBytes(Buffer.from('x'));
  });

  test('leaves no lease when nothing was looked for', () => {
    const { root, store } = tempStore();
    expect(store.images.list()).toEqual([]);
    expect(readdirSync(join(root, 'leases'))).toEqual([]);
  });

  test('close() leaves nothing private behind, and is idempotent', () => {
    const { root, store } = tempStore();
    store.content.putBytes(Buffer.from('x'));
    store.content.ingest().write(Buffer.from('unfinished'));
    expect(readdirSync(join(root, 'leases'))).toHaveLength(1);
    store.close();
    store.close();
    for (const area of ['leases', 'active', 'ingest', 'trash'])
      expect(readdirSync(join(root, area))).toEqual([]);
    expect(() => store.content.info(digestOf('x'))).toThrow(/is closed/);
  });

  test('20 processes make one store, and write the same and different blobs at once', async () => {
    const root = join(tempFolder(), 'store');
    const script = bundleScript('test/support/store-process.ts');
    const codes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => exitCode(start(script, 'writeBlobs', root, `${index}`))),
    );
    expect(codes).toEqual(codes.map(() => 0));
    const store = openBareStore(root);
    expect([...store.content.list()]).toHaveLength(20 * 20 + 20);
    expect(await store.check()).toEqual([]);
    store.close();
    for (const area of ['leases', 'ingest', 'trash']) expect(readdirSync(join(root, area))).toEqual([]);
  });

  test.each(['ingestForever', 'recordForever'])(
    'after a kill -9 in %s, the next command leaves nothing of it',
    async (role) => {
      const root = join(tempFolder(), 'store');
      const script = bundleScript('test/support/store-process.ts');
      for (let round = 0; round < 5; round++) {
        const child = start(script, role, root);
        expect(await nextMessage(child)).toBe('busy');
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        await killHard(child);
        expect(readdirSync(join(root, 'leases'))).toHaveLength(1);
        openBareStore(root).close();
        for (const area of ['leases', 'active', 'ingest']) expect(readdirSync(join(root, area))).toEqual([]);
      }
      const store = openBareStore(root);
      expect(await store.check()).toEqual([]);
      if (role === 'recordForever')
        expect(store.records.get('cache', 'key')?.value).toMatchObject({ count: expect.any(Number) });
      else expect([...store.content.list()].length).toBeGreaterThan(4);
    },
  );

  test('what a killed process left is deleted even if it is large', async () => {
    const { root, store } = tempStore();
    const dead = join(root, 'active/0123456789abcdef.0');
    mkdirSync(dead);
    for (let folder = 0; folder < 40; folder++) {
      mkdirSync(join(dead, `${folder}`));
      for (let file = 0; file < 100; file++) writeFileSync(join(dead, `${folder}/${file}`), '');
    }
    writeFileSync(join(root, 'leases/0123456789abcdef'), '');
    const begin = performance.now();
    store.close();
    expect(performance.now() - begin).toBeLessThan(100);
    expect(existsSync(dead)).toBe(false);
    await expect.poll(() => readdirSync(join(root, 'trash')), { timeout: 20_000 }).toEqual([]);
  });

  test('opens in less than 2 ms once it exists', () => {
    const { root } = tempStore();
    const times = Array.from({ length: 20 }, () => {
      const begin = performance.now();
      const store = openBareStore(root);
      const time = performance.now() - begin;
      store.close();
      return time;
    });
    expect(times.sort((a, b) => a - b)[10]).toBeLessThan(2);
  });
});
