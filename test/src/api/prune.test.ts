import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../../layers/index.ts';
import { prune } from '../../../src/api/store-commands.ts';
import { commitImage, nameImage } from '../../../src/exporter/image.ts';
import { sketchLayer } from '../../support/layer-store.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const CREATED = '2026-01-01T00:00:00Z';

test('prune() reclaims the layers of the images it removes, at once', async () => {
  const storeRoot = join(tempFolder(), 'store');
  const store = openStore(storeRoot);
  const layer = sketchLayer(store, { '/file': { content: 'x'.repeat(10_000) } });
  const image = { os: 'linux', architecture: 'amd64', config: {}, history: [] };
  const { descriptor } = await commitImage(store, image, [layer], { created: CREATED });
  nameImage(store, ['docker.io/library/app:latest'], descriptor);
  store.close();
  const { images, reclaimed } = await prune({ storeRoot, images: 'all' });
  expect(images).toHaveLength(1);
  expect(reclaimed).toBeGreaterThan(10_000);
  expect(readdirSync(join(storeRoot, 'layers/sha256'))).toEqual([]);
  expect(readdirSync(join(storeRoot, 'blobs/sha256'))).toEqual([]);
});

test.each(['compressed', 'git', 'http', 'digest'])('prune() drops the caches of %s', async (space) => {
  const storeRoot = join(tempFolder(), 'store');
  const store = openStore(storeRoot);
  const { digest } = store.content.putBytes(Buffer.from('cached'));
  store.records.set(space, 'key', { blobs: [digest], value: null });
  store.close();
  const { cache } = await prune({ storeRoot, cacheUnusedFor: 0 });
  expect(cache).toEqual([`${space}/key`]);
  expect(existsSync(join(storeRoot, 'blobs/sha256', digest.slice(7)))).toBe(false);
});
