import { expect, test } from 'vitest';
import { cgroupsToJoin } from '../../../src/sandbox/membership.ts';

const mount = (path: string, type: string, options: string, root = '/') =>
  `30 20 0:26 ${root} ${path} rw,nosuid - ${type} ${type} ${options}`;

test('cgroupsToJoin() names the groups that differ, each by its hierarchy’s mount', () => {
  const mounts = [
    mount('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
    mount('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'),
    mount('/sys/fs/cgroup/systemd', 'cgroup', 'rw,xattr,name=systemd'),
    mount('/sys/fs/cgroup/unified', 'cgroup2', 'rw'),
  ].join('\n');
  const ours = '5:cpu,cpuacct:/\n4:memory:/user\n1:name=systemd:/\n0::/\n';
  const theirs = '5:cpu,cpuacct:/\n4:memory:/tsbuild/7-0\n1:name=systemd:/x:y\n0::/z\n';
  expect(cgroupsToJoin(mounts, theirs, ours)).toEqual([
    '/sys/fs/cgroup/memory/tsbuild/7-0/tasks',
    '/sys/fs/cgroup/systemd/x:y/tasks',
    '/sys/fs/cgroup/unified/z/cgroup.procs',
  ]);
});

test('cgroupsToJoin() counts from the group that is mounted, and leaves out what is not', () => {
  const mounts = mount('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory', '/docker/1');
  const ours = '4:memory:/docker/1\n3:pids:/\n';
  expect(cgroupsToJoin(mounts, '4:memory:/docker/1/inner\n3:pids:/a\n', ours)).toEqual([
    '/sys/fs/cgroup/memory/inner/tasks',
  ]);
  expect(cgroupsToJoin(mounts, '4:memory:/docker/2\n', ours)).toEqual([]);
});
