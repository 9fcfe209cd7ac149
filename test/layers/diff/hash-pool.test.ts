import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hashInWorker } from '../../../layers/diff/hash-pool.ts';
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
