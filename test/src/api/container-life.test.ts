import { expect, test } from 'vitest';
import { ownSoon } from '../../../src/api/container-life.ts';
import { ContainerStore } from '../../../src/runtime/container-store.ts';
import { tempStore } from '../../support/temp-store.ts';

test('ownSoon() waits for no container that is gone', async () => {
  const containers = new ContainerStore(tempStore().store);
  const forever = Number.POSITIVE_INFINITY;
  expect(await ownSoon(containers, { id: 'a'.repeat(64), name: 'gone' }, forever)).toBeUndefined();
});
