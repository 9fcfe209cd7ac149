import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Store } from '../../../layers/index.ts';
import type { ContainerState } from '../../../src/runtime/container-state.ts';
import { ContainerStore, type OwnedContainer } from '../../../src/runtime/container-store.ts';
import { processIdentity } from '../../../src/runtime/process-identity.ts';
import { VolumeStore } from '../../../src/runtime/volumes.ts';
import { tempStore } from '../../support/temp-store.ts';

const ID = 'a'.repeat(64);

const STATE: ContainerState = {
  id: ID,
  name: 'calm_heron',
  image: 'busybox',
  imageId: `sha256:${'0'.repeat(64)}`,
  created: '2026-01-01T00:00:00Z',
  config: {},
  options: {},
  remove: true,
  args: ['true'],
  status: 'running',
};

function create(store: Store, changes: Partial<ContainerState> = {}): Promise<OwnedContainer> {
  return new ContainerStore(store).create({ ...STATE, ...changes }, []);
}

test('ContainerStore.create() refuses a name that is taken, and says by whom', async () => {
  const { store } = tempStore();
  await create(store);
  await expect(create(store, { id: 'b'.repeat(64) })).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining(
      `The container name "/calm_heron" is already in use by container "${ID}"`,
    ),
  });
  expect(readdirSync(join(store.root, 'containers'))).toEqual([ID]);
});

test('ContainerStore.create() chooses a name that nobody has, when none is given', async () => {
  const { store } = tempStore();
  const { name: _, ...unnamed } = STATE;
  const containers = new ContainerStore(store);
  const owned = await Promise.all(
    ['b', 'c', 'd'].map((digit) => containers.create({ ...unnamed, id: digit.repeat(64) }, [])),
  );
  expect(new Set(owned.map(({ name }) => name)).size).toBe(3);
});

test('ContainerStore.find() takes a name, an id, or an unambiguous beginning of one', async () => {
  const { store } = tempStore();
  await create(store);
  await create(store, { id: `ab${'c'.repeat(62)}`, name: 'other' });
  const containers = new ContainerStore(store);
  for (const text of ['calm_heron', ID, 'aaa']) expect(containers.find(text).id).toBe(ID);
  expect(() => containers.find('a')).toThrow('Multiple containers match');
  for (const text of ['', 'calm', 'f'])
    expect(() => containers.find(text)).toThrow(`No such container: ${text}`);
});

test('ContainerStore.update() does not bring a removed container back', async () => {
  const { store } = tempStore();
  await create(store);
  const containers = new ContainerStore(store);
  containers.remove(STATE, { volumes: false });
  await containers.update(ID, { status: 'exited' });
  expect(containers.list()).toEqual([]);
});

test('ContainerStore.remove() takes a container whose files are deeper than any path', async () => {
  const { store, root } = tempStore();
  await create(store);
  const containers = new ContainerStore(store);
  const { upper } = containers.makeWritable(ID);
  makeDeepDirectory(upper);
  containers.remove(STATE, { volumes: false });
  expect(containers.list()).toEqual([]);
  expect(readdirSync(join(root, 'containers'))).toEqual([]);
});

test('ContainerStore.reclaim() leaves alone what somebody looks after, in whatever state it is', async () => {
  const { store } = tempStore();
  for (const [index, status] of (['created', 'running'] as const).entries())
    await create(store, { id: String(index).repeat(64), name: `c${index}`, status });
  await new ContainerStore(store).reclaim();
  expect(new ContainerStore(store).list()).toHaveLength(2);
});

test('ContainerStore.reclaim() removes what a killed command left, its anonymous volumes too', async () => {
  const { store, root } = tempStore();
  const volumes = new VolumeStore(store);
  const anonymous = await volumes.ensure({});
  const named = await volumes.ensure({ name: 'kept' });
  const mounts = [anonymous, named].map((volume) => ({
    type: 'volume' as const,
    name: volume.name,
    anonymous: volume.anonymous,
    target: '/data',
    readonly: false,
  }));
  const { release } = await create(store, { mounts });
  release();
  await new ContainerStore(store).reclaim();
  expect(new ContainerStore(store).list()).toEqual([]);
  expect(readdirSync(join(root, 'containers'))).toEqual([]);
  expect(existsSync(anonymous.directory)).toBe(false);
  expect(existsSync(named.directory)).toBe(true);
});

test('ContainerStore.reclaim() keeps a container that is not to be removed, as one that was killed', async () => {
  const { store } = tempStore();
  const { release } = await create(store, { remove: false });
  release();
  await new ContainerStore(store).reclaim();
  expect(new ContainerStore(store).list()).toMatchObject([{ status: 'exited', exitCode: 137 }]);
});

test('ContainerStore.reclaim() leaves a container alone that was made and never started', async () => {
  const { store } = tempStore();
  const { release } = await create(store, { status: 'created' });
  release();
  await new ContainerStore(store).reclaim();
  expect(new ContainerStore(store).list()).toMatchObject([{ status: 'created' }]);
});

test('ContainerStore.tryOwn() takes over what nobody looks after, and only that', async () => {
  const { store } = tempStore();
  const { release } = await create(store, { status: 'exited' });
  const containers = new ContainerStore(store);
  expect(containers.tryOwn(STATE)).toBeUndefined();
  release();
  const owned = containers.tryOwn(STATE);
  expect(owned).toMatchObject({ id: ID, name: 'calm_heron' });
  expect(containers.tryOwn(STATE)).toBeUndefined();
  owned?.release();
  expect(containers.tryOwn({ id: 'f'.repeat(64), name: 'other' })).toBeUndefined();
});

test('ContainerStore.rename() gives a new name, unless another container has it', async () => {
  const { store } = tempStore();
  await create(store);
  await create(store, { id: 'b'.repeat(64), name: 'other' });
  const containers = new ContainerStore(store);
  await expect(containers.rename(ID, 'other')).rejects.toMatchObject({ code: 'CONFLICT' });
  await containers.rename(ID, 'new');
  expect(containers.find('new').id).toBe(ID);
});

test('ContainerStore.reclaim() removes a container that a killed command had made to start it', async () => {
  const { store } = tempStore();
  const { release } = await create(store, { remove: false, status: 'created', startsAtOnce: true });
  await new ContainerStore(store).reclaim();
  expect(new ContainerStore(store).list()).toHaveLength(1);
  release();
  await new ContainerStore(store).reclaim();
  expect(new ContainerStore(store).list()).toEqual([]);
});

test('ContainerStore.reclaim() removes a container that was never finished', async () => {
  const { store, root } = tempStore();
  const { release } = await create(store, { remove: false, status: 'creating' });
  release();
  mkdirSync(join(root, 'containers', 'without-record'));
  await new ContainerStore(store).reclaim();
  expect(new ContainerStore(store).list()).toEqual([]);
  expect(readdirSync(join(root, 'containers'))).toEqual([]);
});

test('ContainerStore.reclaim() kills what goes on without an owner, but not another process of that number', async () => {
  const { store } = tempStore();
  const own = { ...processIdentity(process.pid)!, started: '1' };
  const { release } = await create(store, { process: own });
  release();
  await new ContainerStore(store).reclaim();
  expect(spawnSync('true').status).toBe(0);
  expect(readFileSync('/proc/self/stat', 'latin1')).toContain(String(process.pid));
});

function makeDeepDirectory(path: string): void {
  const before = process.cwd();
  process.chdir(path);
  for (let depth = 0; depth < 300; depth++) {
    mkdirSync('a'.repeat(20));
    process.chdir('a'.repeat(20));
  }
  process.chdir(before);
}

test('ContainerStore.isGone() is so when a container is removed, and its owner has let go', async () => {
  const { store } = tempStore();
  const containers = new ContainerStore(store);
  const owned = await create(store);
  expect(containers.isGone(ID)).toBe(false);
  containers.remove(STATE, { volumes: true });
  owned.release();
  expect(containers.isGone(ID)).toBe(true);
});
