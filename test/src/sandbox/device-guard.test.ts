import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { libc } from '../../../src/linux/libc.ts';
import { DEFAULT_DEVICE_RULES } from '../../../src/sandbox/defaults.ts';
import { guardDevices } from '../../../src/sandbox/device-guard.ts';

const root = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) =>
  existsSync(`${path}/cgroup.controllers`),
);
const problem =
  process.getuid?.() !== 0
    ? 'this is not root'
    : root === undefined
      ? 'there is no cgroup of version 2'
      : undefined;
if (problem !== undefined) console.log(`skipped: guardDevices(): ${problem}`);

describe.skipIf(problem)('guardDevices()', () => {
  const group = join(root ?? '', `tsbuild-test-${process.pid}`);
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tsbuild-devices-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What a process under the rules can do; each command's name where it could. */
  function allowed(rules: Parameters<typeof guardDevices>[1], commands: Readonly<Record<string, string>>) {
    mkdirSync(group);
    try {
      guardDevices(group, rules, libc());
      const script = Object.entries(commands).map(
        ([name, command]) => `(${command}) 2>/dev/null && echo ${name}`,
      );
      const { stdout } = spawnSync('sh', ['-c', `echo 0 > ${group}/cgroup.procs; ${script.join('\n')}`], {
        cwd: folder,
        encoding: 'utf8',
        timeout: 20_000,
      });
      return stdout.trim().split('\n');
    } finally {
      for (let tries = 0; existsSync(group) && tries < 100; tries++) {
        try {
          rmdirSync(group);
        } catch {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        }
      }
    }
  }

  test('keeps Docker’s rules: nodes can be made, and only the usual ones be opened', () => {
    expect(
      allowed(DEFAULT_DEVICE_RULES, {
        zero: 'head -c 1 /dev/zero',
        made: 'mknod made c 1 5 && head -c 1 made && echo x > made',
        kmsg: 'mknod kmsg c 1 11 && exec 3< kmsg',
        mem: 'head -c 1 /dev/mem',
        disk: 'mknod disk b 7 0 && exec 3< disk',
        terminal: 'exec 3<> /dev/ptmx',
        nodes: 'ls disk kmsg',
      }),
    ).toEqual(['\0zero', '\0made', 'terminal', 'disk', 'kmsg', 'nodes'].map((text) => text));
  });

  test('tells reading from writing and from making, and the last rule counts', () => {
    writeFileSync(join(folder, 'x'), '');
    const rules = [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 1, minor: 5, access: 'r' },
      { allow: true, type: 'c', major: 1, minor: 3, access: 'w' },
      { allow: true, type: 'c', major: 1, access: 'm' },
      { allow: true, type: 'c', major: 1, minor: 7, access: 'rwm' },
      { allow: false, type: 'c', major: 1, minor: 7, access: 'w' },
    ];
    expect(
      allowed(rules, {
        'read zero': 'exec 3< /dev/zero',
        'write zero': 'exec 3> /dev/zero',
        'read null': 'exec 3< /dev/null',
        'write null': 'exec 3> /dev/null',
        'both null': 'exec 3<> /dev/null',
        'read full': 'exec 3< /dev/full',
        'write full': 'exec 3> /dev/full',
        'make char': 'mknod char c 1 9',
        'make block': 'mknod block b 1 9',
      }),
    ).toEqual(['read zero', 'write null', 'read full', 'make char']);
  });
});
