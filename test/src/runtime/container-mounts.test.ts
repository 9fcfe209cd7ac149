import { expect, test } from 'vitest';
import { anonymousVolumes, planMounts } from '../../../src/runtime/container-mounts.ts';
import type { MountRequest } from '../../../src/runtime/container-options.ts';

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
