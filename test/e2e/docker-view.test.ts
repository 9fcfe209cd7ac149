import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cgroupHost } from '../../src/sandbox/cgroup-host.ts';
import { describeCommands } from '../support/commands.ts';

const file = (name: string) =>
  readFileSync(new URL(`../../fixtures/docker-view/${name}`, import.meta.url), 'utf8');

/** What remains different: docs/docker-differences.md has the reasons. */
const DIFFERENT = [
  /^\/(proc\/acpi|proc\/scsi|sys\/firmware|sys\/devices\/virtual\/powercap) tmpfs ro/, // size of the mask
  /^\/sys\/fs\/cgroup tmpfs r[ow],/, // read-only
  /^\/sys\/fs\/cgroup\/systemd /, // no group there
  /^\d+:[^:]*:/, // the control group namespace
];

/** Lines that say the same of every kernel and image. */
function comparable(view: string): readonly string[] {
  const [settings = ''] = view.split('[root]');
  const isVersion2 = cgroupHost().version === 2;
  return settings
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => !DIFFERENT.some((pattern) => pattern.test(line)))
    .filter((line) => !line.startsWith('uid=') && !(isVersion2 && line.startsWith('/sys/fs/cgroup')))
    .filter((line) => !/^\/(proc|sys)\//.test(line) || existsSync(line.split(' ')[0]!));
}

describeCommands('what a container sees of itself', (commands) => {
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const ours = async () => {
    const { stdout } = await commands().tsrun([
      ...['--rm', '--network=none', '-e', path],
      ...['busybox', 'sh', '-c', file('view.sh').replace(/^#.*\n/, '')],
    ]);
    // The script is read from a file in the recorded run.
    return comparable(stdout);
  };

  test('is what it sees under Docker, but for what is written down', async () => {
    expect(await ours()).toEqual(comparable(file('docker.txt')));
  });

  // DOCKER_COMMAND='docker' or a wrapper of it; the recorded form is made by this command.
  const docker = process.env.DOCKER_COMMAND?.split(' ');
  if (docker === undefined) console.log('skipped: the view under a real Docker: DOCKER_COMMAND is not set');
  test.skipIf(docker === undefined)('is still what Docker shows', async () => {
    const [program = '', ...before] = docker ?? [];
    const args = [...before, 'run', '--rm', '--network', 'none', 'busybox', 'sh', '-c', file('view.sh')];
    const { stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000, env: process.env });
    expect(comparable(stdout)).toEqual(await ours());
  });
});
