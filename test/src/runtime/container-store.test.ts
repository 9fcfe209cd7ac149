import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Store } from '../../../layers/index.ts';
import {
  type ContainerState,
  ContainerStore,
  isInUse,
  ownIdentity,
} from '../../../src/runtime/container-store.ts';
import { VolumeStore } from '../../../src/runtime/volumes.ts';
import { tempStore } from '../../support/temp-store.ts';

const GONE = { pid: 2 ** 22, started: '1' };

async function container(store: Store, changes: Partial<ContainerState> = {}): Promise<ContainerState> {
  const state: ContainerState = {
    id: 'a'.repeat(64),
    name: 'calm_heron',
    image: 'busybox',
    imageId: `sha256:${'0'.repeat(64)}`,
    created: '2026-01-01T00:00:00Z',
    config: {},
    options: {},
    remove: true,
    args: ['true'],
    status: 'running',
    ...changes,
  };
  await new ContainerStore(store).create(state, []);
  return state;
}

test('ContainerStore.remove() takes a container whose files are deeper than any path', async () => {
  const { store, root } = tempStore();
  const { id } = await container(store);
  const containers = new ContainerStore(store);
  const { upper } = containers.writable(id);
  const before = process.cwd();
  process.chdir(upper);
  for (let depth = 0; depth < 300; depth++) {
    mkdirSync('a'.repeat(20));
    process.chdir('a'.repeat(20));
  }
  process.chdir(before);
  containers.remove(id);
  expect(containers.list()).toEqual([]);
  expect(readdirSync(join(root, 'containers'))).toEqual([]);
});

test('ContainerStore.reclaim() removes what a killed command left, its anonymous volumes too', async () => {
  const { store } = tempStore();
  const volumes = new VolumeStore(store);
  const anonymous = await volumes.ensure(undefined, async () => false);
  const named = await volumes.ensure('kept', async () => false);
  await container(store, { owner: GONE, volumes: [anonymous.name, named.name] });
  new ContainerStore(store).reclaim();
  expect(new ContainerStore(store).list()).toEqual([]);
  expect(existsSync(anonymous.directory)).toBe(false);
  expect(existsSync(named.directory)).toBe(true);
});

test('isInUse() holds for a container that is being started, as long as its starter lives', async () => {
  const { store } = tempStore();
  const state = await container(store, { status: 'created', owner: ownIdentity() });
  expect(isInUse(state)).toBe(true);
  expect(isInUse({ ...state, owner: GONE })).toBe(false);
  expect(isInUse({ ...state, status: 'exited' })).toBe(false);
});
