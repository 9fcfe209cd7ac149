import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openStore, type Store } from '../../layers/index.ts';
import { tempFolder } from './temp-folder.ts';

/** A new store with overlayfs layers for the running test. */
export function overlayStore(): Store {
  const store = openStore(join(tempFolder(), 'store'));
  onTestFinished(() => store.close());
  return store;
}
