import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { BatchPool } from '../../../layers/diff/batch-pool.ts';
import { hashLayerSync } from '../../../layers/diff/hash-layer.ts';
import { followInWorker, hashInWorker } from '../../../layers/diff/hash-pool.ts';
import { LEAVE } from '../../../layers/diff/layer-walk.ts';
import { diffWorker, endingWorker } from '../../support/diff-worker.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('hashInWorker() fails each request whose worker ends, also those that waited', async () => {
  const file = join(tempFolder(), 'worker.cjs');
  writeFileSync(
    file,
    "require('node:worker_threads').parentPort.on('message', () => { throw new Error('no'); });",
  );
  const requests = Array.from({ length: 2 * availableParallelism() + 1 }, () =>
    hashInWorker(file, { directory: '/nowhere', options: {} }),
  );
  const outcomes = await Promise.allSettled(requests);
  expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'rejected'));
});

test('followInWorker() does not use a worker again that has ended', async () => {
  vi.resetModules();
  const pool = await import('../../../layers/diff/hash-pool.ts');
  const folder = tempFolder();
  const worker = await diffWorker(folder);
  const request = { directory: tempFolder(), options: {} };
  const follower = pool.followInWorker(endingWorker(folder), request)!;
  const batch = new BatchPool().take();
  batch.add('a');
  follower.grow(batch);
  await vi.waitFor(() => expect(follower.ended).toBeDefined(), 10_000);
  follower.drop();
  const count = 2 * availableParallelism() + 1;
  const infos = await Promise.all(Array.from({ length: count }, () => pool.hashInWorker(worker, request)));
  expect(infos).toEqual(infos.map(() => hashLayerSync(request.directory, {})));
});

test('followInWorker() hashes what it is told of, contents and names, and gives the batches back', async () => {
  const folder = tempFolder();
  const layer = join(folder, 'layer');
  mkdirSync(layer);
  for (const name of ['a', 'b', 'c']) {
    writeFileSync(join(layer, name), name, { mode: 0o644 });
    utimesSync(join(layer, name), 5, 5);
  }
  const follower = followInWorker(await diffWorker(folder), { directory: layer, options: {} })!;
  const pool = new BatchPool();
  const stat = {
    mode: 0o644,
    uid: process.geteuid!(),
    gid: process.getegid!(),
    mtimeNs: 5_000_000_000n,
    size: 1,
  };
  for (const name of ['a', 'b']) {
    const batch = pool.take();
    const { bytes, offset } = batch.room(name, 1)!;
    bytes.write(name, offset);
    batch.addFile(name, stat);
    follower.grow(batch);
  }
  const last = pool.take();
  expect([last.add('c'), last.add(LEAVE)]).toEqual([true, true]);
  follower.grow(last);
  expect(await follower.finish()).toEqual(hashLayerSync(layer, {}));
  expect(last.reuse()).toBe(true);
});
