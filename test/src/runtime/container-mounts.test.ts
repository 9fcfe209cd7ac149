import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { prepareMounts } from '../../../src/runtime/container-mounts.ts';
import type { MountRequest } from '../../../src/runtime/container-options.ts';
import { VolumeStore } from '../../../src/runtime/volumes.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { tempStore } from '../../support/temp-store.ts';

const tmpfs = (target: string, options: readonly string[] = []): MountRequest => ({
  type: 'tmpfs',
  target,
  options,
});
const volume = (target: string, name?: string): MountRequest => ({
  type: 'volume',
  target,
  readonly: false,
  copy: true,
  ...(name !== undefined && { name }),
});

async function prepare(requested: readonly MountRequest[], declared: readonly string[] = []) {
  const { store } = tempStore();
  const made: string[] = [];
  const filled: string[] = [];
  const mounts = await prepareMounts(
    {
      store,
      declared,
      requested,
      fillVolume: async (path) => {
        filled.push(path);
        return false;
      },
    },
    (name) => made.push(name),
  );
  return { store, made, filled, mounts, targets: mounts.map(({ spec }) => spec.destination) };
}

describe('prepareMounts()', () => {
  test('makes an anonymous volume for each VOLUME of the image that nothing covers', async () => {
    const { made, filled, targets } = await prepare([tmpfs('/b/')], ['/a', 'relative', '/b', '/a/']);
    expect(targets.sort()).toEqual(['/a', '/b', '/relative']);
    expect(filled.sort()).toEqual(['/a', '/relative']);
    expect(made).toHaveLength(2);
  });

  test('puts outer mounts before those inside, and else keeps the order', async () => {
    const { targets } = await prepare([tmpfs('/a/b/c'), tmpfs('/z'), tmpfs('/a/b'), tmpfs('/a')]);
    expect(targets).toEqual(['/z', '/a', '/a/b', '/a/b/c']);
  });

  test.each([
    [[tmpfs('/a'), tmpfs('/a/')], 'Duplicate mount point: /a'],
    [[tmpfs('/')], "destination can't be '/'"],
    [[tmpfs('/..')], "destination can't be '/'"],
    [[tmpfs('a')], 'must be absolute'],
    [[tmpfs('/a', ['bind'])], 'invalid tmpfs option "bind"'],
    [[volume('/a', '../x')], 'invalid characters for a local volume name'],
  ])('refuses %j', async (requested, message) => {
    await expect(prepare(requested)).rejects.toThrow(message);
  });

  test('tells of each anonymous volume as soon as it is made, so that a failure leaves none', async () => {
    const { store } = tempStore();
    const made: string[] = [];
    const source = {
      store,
      declared: ['/a'],
      requested: [
        { type: 'bind', source: '/nosuch', target: '/b', readonly: false, createSource: false } as const,
      ],
      fillVolume: async () => false,
    };
    await expect(prepareMounts(source, (name) => made.push(name))).rejects.toThrow(
      'bind source path does not exist: /nosuch',
    );
    expect(new VolumeStore(store).list().map(({ name }) => name)).toEqual(made);
    expect(made).toHaveLength(1);
  });

  test('records what is mounted, and binds it', async () => {
    const folder = join(tempFolder(), 'made');
    const { mounts } = await prepare([
      { type: 'bind', source: folder, target: '/b', readonly: true, createSource: true, recursive: false },
    ]);
    expect(existsSync(folder)).toBe(true);
    expect(mounts).toEqual([
      {
        spec: { destination: '/b', type: 'bind', source: folder, options: ['bind', 'rprivate', 'ro'] },
        state: { type: 'bind', source: folder, target: '/b', readonly: true },
      },
    ]);
  });

  test('says so when a path cannot be made', async () => {
    for (const source of ['/proc/self/comm/below', '/proc/nosuch/below']) {
      const request = { type: 'bind', source, target: '/b', readonly: false, createSource: true } as const;
      await expect(prepare([request])).rejects.toThrow('error while creating mount source path');
    }
  });
});
