import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BatchPool } from '../../../layers/diff/batch-pool.ts';
import { GrowingLayer } from '../../../layers/diff/growing-layer.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('grow() reads no further and gives the batch back when it was called off', () => {
  const directory = tempFolder();
  writeFileSync(join(directory, 'large'), '');
  truncateSync(join(directory, 'large'), 2 ** 26);
  const layer = new GrowingLayer(directory);
  const batch = new BatchPool().take();
  batch.add('large');
  batch.callOff();
  expect(() => layer.grow(batch)).toThrow('nobody needs the layer any more');
  expect(batch.isFree).toBe(true);
  layer.close();
});
