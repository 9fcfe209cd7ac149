import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerState } from './container-state.ts';

/**
 * Runs `body` while nothing in a running container goes on, where the container has a control group of its own that
 * can be frozen; else just runs it. The one that freezes is a process of its own, which thaws when this one is gone,
 * however it goes.
 */
export async function whilePaused<T>(state: ContainerState | undefined, body: () => T): Promise<T> {
  const freezer = state && freezerOf(state);
  if (freezer === undefined) return body();
  const keeper = spawn(process.execPath, ['-e', KEEPER, freezer.file, freezer.frozen, freezer.thawed], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
  });
  const ended = once(keeper, 'exit');
  try {
    await Promise.race([once(keeper.stdout, 'data'), ended]);
    return body();
  } finally {
    keeper.stdin.end();
    await ended;
  }
}

/** Freezes, says so, and thaws at the end of its input. Both versions freeze in the background: it waits for that. */
const KEEPER = `
const { readFileSync, writeFileSync } = require('node:fs');
const [file, frozen, thawed] = process.argv.slice(1);
const isFrozen = () => file.endsWith('freezer.state')
  ? readFileSync(file, 'utf8').trim() === frozen
  : /^frozen 1$/m.test(readFileSync(file.replace(/freeze$/, 'events'), 'utf8'));
const thaw = () => { writeFileSync(file, thawed); process.exit(); };
process.stdin.on('end', thaw).on('error', thaw).resume();
writeFileSync(file, frozen);
const end = Date.now() + 2000;
(function wait() {
  if (isFrozen() || Date.now() > end) process.stdout.write('ready');
  else setTimeout(wait, 2);
})();
`;

interface Freezer {
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
}

/** Undefined when it does not run, or shares its group with others. cgroups(7), "/proc/[pid]/cgroup". */
function freezerOf({ id, status, process: init }: ContainerState): Freezer | undefined {
  if (status !== 'running' || init === undefined) return undefined;
  let lines: readonly string[];
  try {
    lines = readFileSync(`/proc/${init.pid}/cgroup`, 'utf8').split('\n');
  } catch {
    return undefined;
  }
  for (const line of lines) {
    const [, controllers, path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (!path.includes(id)) continue;
    if (controllers === 'freezer') {
      const file = join('/sys/fs/cgroup/freezer', path, 'freezer.state');
      return { file, frozen: 'FROZEN', thawed: 'THAWED' };
    }
    if (controllers === '')
      return { file: join('/sys/fs/cgroup', path, 'cgroup.freeze'), frozen: '1', thawed: '0' };
  }
  return undefined;
}
