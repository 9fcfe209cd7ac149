import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { cgroupHost } from '../../src/sandbox/cgroup-host.ts';
import { reclaimCgroups } from '../../src/sandbox/cgroup-removal.ts';
import { bundle, describeContainers } from '../support/containers.ts';
import { hostMounts } from '../support/host-mounts.ts';

const ROUNDS = 12;

describeContainers('a builder killed at any instant', ({ mechanism, root }) => {
  test('leaves no process and no mount, and its control groups are reclaimed', async () => {
    const program = await bundle('test/support/endless-builder.ts', 'esm');
    const init = await bundle('src/sandbox/init.ts', 'cjs');
    const mark = randomBytes(8).toString('hex');
    const mounts = hostMounts();
    const pids = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      const directory = join(root().base, `round${round}`);
      mkdirSync(directory);
      const args = [program.path, mechanism, root().layer, directory, mark, init.path];
      const builder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
      pids.add(builder.pid!);
      await Promise.race([once(builder.stdout!, 'data'), once(builder, 'exit')]);
      await delay(Math.random() * 80);
      await killed(builder);
    }
    await noneLeft(mark, init.path);
    await emptied(pids);
    expect(hostMounts()).toBe(mounts);
    reclaimCgroups();
    expect(groupsOf(pids)).toEqual([]);
    program.remove();
    init.remove();
  });
});

async function killed(builder: ChildProcess): Promise<void> {
  const exit = once(builder, 'exit');
  builder.kill('SIGKILL');
  expect(await exit).toEqual([null, 'SIGKILL']);
}

/** The kernel takes a moment to take a pid namespace down. */
async function noneLeft(mark: string, init: string): Promise<void> {
  for (let attempts = 0; attempts < 50 && marked(mark, init).length > 0; attempts++) await delay(20);
  expect(marked(mark, init)).toEqual([]);
}

/** Killed processes have no command line any more, but are in their groups until the kernel has taken them down. */
async function emptied(pids: ReadonlySet<number>): Promise<void> {
  const members = () => groupsOf(pids).map((group) => read(join(group, 'cgroup.procs')));
  for (let attempts = 0; attempts < 50 && members().some(Boolean); attempts++) await delay(20);
  expect(members().filter(Boolean)).toEqual([]);
}

function marked(mark: string, init: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    return read(`/proc/${pid}/environ`).includes(mark) || read(`/proc/${pid}/cmdline`).includes(init);
  });
}

function groupsOf(pids: ReadonlySet<number>): string[] {
  const host = cgroupHost();
  const directory =
    host.version === 1 ? join(host.roots.get('pids')!, 'tsbuild') : join(host.root, 'tsbuild');
  return readdirSync(directory)
    .filter((name) => pids.has(Number(name.split('-')[0])))
    .map((name) => join(directory, name));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
