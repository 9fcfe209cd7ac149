import { expect, test } from 'vitest';
import type { MountRequest } from '../../../src/runtime/container-options.ts';
import type { ContainerState } from '../../../src/runtime/container-state.ts';
import { withVolumesOf } from '../../../src/runtime/volumes-from.ts';

const volume = (target: string, name: string) =>
  ({ type: 'volume', target, name, readonly: false, copy: true }) as const;

test('withVolumesOf() takes volumes and binds over, but no tmpfs and nothing that was asked for otherwise', () => {
  const bind = { type: 'bind', source: '/s', target: '/b', readonly: true, createSource: true } as const;
  const plannedMounts = [
    { ...volume('/a', '0123'), anonymous: true },
    bind,
    { type: 'tmpfs', target: '/t', options: [] },
    { ...volume('/own', 'x'), anonymous: false },
  ];
  const other = [{ ...volume('/a', 'later'), anonymous: false }];
  const states = { first: { plannedMounts }, second: { plannedMounts: other } };
  const containers = { find: (name: string) => states[name as 'first'] as unknown as ContainerState };
  const mounts: MountRequest[] = [volume('/own/', 'mine')];
  const from = (container: string, readonly = false) => ({ container, readonly });
  expect(withVolumesOf(containers, { mounts, volumesFrom: [from('first', true)] })).toEqual([
    { ...volume('/a', '0123'), anonymous: true, copy: false, readonly: true },
    bind,
    ...mounts,
  ]);
  const both = withVolumesOf(containers, { volumesFrom: [from('first'), from('second')] });
  expect(both[0]).toEqual({ ...volume('/a', 'later'), anonymous: false, copy: false });
});
