import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Descriptor, digestOf, hexOf, MediaType, type Store } from '../../../layers/index.ts';
import { openBareStore, tempStore } from '../../support/temp-store.ts';

const NAME = 'docker.io/library/app:latest';

function put(store: Store, text: string): Descriptor {
  return { mediaType: MediaType.ociManifest, ...store.content.putBytes(Buffer.from(text)) };
}

describe('LocalImageStore', () => {
  test('set() makes a name that get(), list() and other processes find', () => {
    const { root, store } = tempStore();
    const target = put(store, 'one');
    const record = store.images.set(NAME, { ...target, annotations: { a: 'b' } });
    expect(record).toEqual({ name: NAME, target, updatedAt: expect.stringMatching(/^\d{4}-.*Z$/) });
    const other = openBareStore(root);
    expect(other.images.get(NAME)).toEqual(record);
    expect(other.images.list()).toEqual([record]);
    expect(other.images.get('docker.io/library/app:other')).toBeUndefined();
  });

  test.each(['sha256', 'sha512'])('set() takes no name that looks like a %s digest', (algorithm) => {
    const { store } = tempStore();
    const target = put(store, 'one');
    const set = () => store.images.set(`docker.io/library/${algorithm}:abc`, target);
    expect(set).toThrow('would be taken for a digest');
  });

  test('set() moves a name, and changes nothing where it points there already', async () => {
    const { store } = tempStore();
    const first = store.images.set(NAME, put(store, 'one'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(store.images.set(NAME, first.target)).toEqual(first);
    const second = store.images.set(NAME, put(store, 'two'));
    expect(second.target.digest).toBe(digestOf('two'));
    expect(second.updatedAt > first.updatedAt).toBe(true);
    expect(store.images.list()).toEqual([second]);
  });

  test('set() takes names of any length, digests, and images without a name', () => {
    const { store } = tempStore();
    const target = put(store, 'one');
    const names = [
      `quay.io/${'p'.repeat(255)}:${'t'.repeat(128)}`,
      `docker.io/library/app@${target.digest}`,
      target.digest,
    ];
    for (const name of names) store.images.set(name, target);
    expect(store.images.list().map(({ name }) => name)).toEqual([...names].sort());
  });

  test.each(['app', 'app:latest', 'docker.io/library/app', 'docker.io/library/../x:1', '', 'sha256:x/y'])(
    'set() refuses %j, which is no normal form',
    (name) => {
      const { root, store } = tempStore();
      expect(() => store.images.set(name, put(store, 'one'))).toThrow(
        expect.objectContaining({ code: 'INVALID_REFERENCE' }),
      );
      expect(readdirSync(join(root, 'images'))).toEqual([]);
    },
  );

  test('delete() says whether the name was there', () => {
    const { store } = tempStore();
    store.images.set(NAME, put(store, 'one'));
    expect(store.images.delete(NAME)).toBe(true);
    expect(store.images.delete(NAME)).toBe(false);
    expect(store.images.get(NAME)).toBeUndefined();
  });

  test('get() leases the image', async () => {
    const { root, store } = tempStore();
    store.images.set(NAME, put(store, 'one'));
    store.close();
    const reader = openBareStore(root);
    expect(reader.images.get(NAME)).toBeDefined();
    const other = openBareStore(root);
    other.images.delete(NAME);
    expect((await other.gc()).blobs).toEqual([]);
    expect(reader.content.readAll(digestOf('one')).toString()).toBe('one');
  });

  test('get() still tells the name of an image whose manifest is gone', () => {
    const { root, store } = tempStore();
    const { target } = store.images.set(NAME, put(store, 'one'));
    rmSync(join(root, 'blobs/sha256', hexOf(target.digest)));
    expect(store.images.get(NAME)?.target).toEqual(target);
  });

  test('files that hold no image, or that of another name, count as absent', () => {
    const { root, store } = tempStore();
    store.images.set(NAME, put(store, 'one'));
    const [file = ''] = readdirSync(join(root, 'images'));
    renameSync(join(root, 'images', file), join(root, 'images', `${'a'.repeat(64)}.json`));
    for (const [name, text] of [
      ['b', ''],
      ['c', '{"name":1}'],
      [file, '{"target":null}'],
    ] as const)
      writeFileSync(join(root, 'images', name), text);
    expect(store.images.list()).toEqual([]);
    expect(store.images.get(NAME)).toBeUndefined();
  });
});
