import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anonymousVolumes, planMounts, prepareMounts } from '../../../src/runtime/container-mounts.ts';
import type { MountRequest } from '../../../src/runtime/container-options.ts';
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

test('planMounts() names the volumes that have no name, and puts outer mounts first', () => {
  const planned = planMounts(
    ['/data/', '/in/asked'],
    [volume('/in/asked/deep'), volume('/in/asked', 'kept')],
  );
  expect(planned.map(({ target }) => target)).toEqual(['/data', '/in/asked', '/in/asked/deep']);
  expect(planned[1]).toMatchObject({ name: 'kept', anonymous: false });
  const anonymous = anonymousVolumes(planned);
  expect(anonymous.map(({ target }) => target)).toEqual(['/data', '/in/asked/deep']);
  expect(new Set(anonymous.map(({ name }) => name)).size).toBe(2);
  for (const { name } of anonymous) expect(name).toMatch(/^[0-9a-f]{64}$/);
});

test.each([
  ['relative', "mount path: 'relative' mount path must be absolute"],
  ['/', "destination can't be '/'"],
  ['/x/..', "destination can't be '/'"],
])('planMounts() refuses the target %j', (target, message) => {
  expect(() => planMounts([], [volume(target)])).toThrow(message);
});

test('planMounts() refuses two mounts in one place', () => {
  expect(() => planMounts([], [volume('/a'), volume('/b/../a/')])).toThrow('Duplicate mount point: /a');
});

async function prepare(requested: readonly MountRequest[], declared: readonly string[] = []) {
  const { store } = tempStore();
  const filled: string[] = [];
  const fillVolume = async (path: string) => {
    filled.push(path);
    return false;
  };
  const mounts = await prepareMounts(planMounts(declared, requested), { store, fillVolume });
  return { filled, mounts, targets: mounts.map(({ spec }) => spec?.destination) };
}

describe('prepareMounts()', () => {
  test('makes an anonymous volume for each VOLUME of the image that nothing covers', async () => {
    const { filled, targets } = await prepare([tmpfs('/b/')], ['/a', 'relative', '/b', '/a/']);
    expect(targets.sort()).toEqual(['/a', '/b', '/relative']);
    expect(filled.sort()).toEqual(['/a', '/relative']);
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
