import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { cgroupHost } from '../../src/sandbox/cgroup-host.ts';
import { backgroundContainer } from '../support/background-container.ts';
import { describeCommands } from '../support/commands.ts';
import { hostMounts } from '../support/host-mounts.ts';
import { hasProgram } from '../support/programs.ts';

describeCommands('a container of another runtime, whose command is killed', (commands) => {
  for (const runtime of ['runc', 'crun']) {
    const problem = hasProgram(runtime) ? undefined : `there is no ${runtime}`;
    if (problem !== undefined) console.log(`skipped: --runtime ${runtime}: ${problem}`);

    describe.skipIf(problem)(runtime, () => {
      test('is gone with the next command: process, mounts, control groups', async () => {
        const mounts = hostMounts();
        const container = await backgroundContainer(commands(), [`--runtime=${runtime}`]);
        const pid = await container.pid();
        const groups = groupsOf(
          (await commands().tsctr(['inspect', '-f', '{{.Id}}', container.name])).stdout.trim(),
        );
        const left = () => groups.filter(existsSync);
        expect(left().length).toBeGreaterThan(0);
        container.owner.kill('SIGKILL');
        await once(container.owner, 'close');
        // PID 1 of the container takes no notice of the signal that the runtime passes on.
        expect(left().length).toBeGreaterThan(0);
        await commands().tsctr(['ps']);
        expect(left()).toEqual([]);
        for (let tries = 0; existsSync(`/proc/${pid}`) && tries < 200; tries++) await delay(20);
        expect(existsSync(`/proc/${pid}`)).toBe(false);
        expect(readdirSync(join(commands().root, 'containers'))).toEqual([]);
        expect(hostMounts()).toBe(mounts);
      });

      test('can be started again', async () => {
        const name = `again-${runtime}`;
        const run = [
          'run',
          '-d',
          '--network=none',
          '--name',
          name,
          `--runtime=${runtime}`,
          'busybox',
          'sleep',
          '600',
        ];
        expect(await commands().tsctr(run)).toMatchObject({ code: 0 });
        const supervisor = supervisorOf(commands().root);
        process.kill(Number(supervisor), 'SIGKILL');
        for (let tries = 0; existsSync(`/proc/${supervisor}`) && tries < 200; tries++) await delay(20);
        expect(await commands().tsctr(['start', name])).toMatchObject({ code: 0, stderr: '' });
        expect((await commands().tsctr(['exec', name, 'echo', 'up'])).stdout).toBe('up\n');
        await commands().tsctr(['rm', '-f', name]);
      });
    });
  }
});

/** Directories of a container's control groups, in all hierarchies. */
function groupsOf(id: string): string[] {
  const host = cgroupHost();
  const roots = host.version === 1 ? [...new Set(host.roots.values())] : [host.root];
  return roots.map((root) => join(root, 'tsbuild', id));
}

function supervisorOf(root: string): string {
  const found = readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
    return words.some((word) => word.endsWith('supervisor.cjs')) && words.includes(root);
  });
  if (found === undefined) throw new Error('There is no supervisor');
  return found;
}
