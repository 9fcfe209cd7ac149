import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { cgroupHost } from '../../src/sandbox/cgroup-host.ts';
import { describeCommands, outcome } from '../support/commands.ts';

const TSCTR = resolve(import.meta.dirname, '../../dist/tsctr.cjs');

/** Command lines as tutorials have them, and what they print; `docker` is tsctr. One after the other, on one store. */
const LINES: readonly (readonly [line: string, prints: RegExp])[] = [
  ['docker run --rm busybox echo hello world', /^hello world$/],
  ['echo "echo from a shell" | docker run -i --rm busybox', /^from a shell$/],
  ["docker run -d --name looper busybox sh -c 'while true; do echo tick; sleep 0.1; done'", /^[0-9a-f]{64}$/],
  ['docker ps', /^CONTAINER ID {3}IMAGE {5}COMMAND {18}CREATED .* NAMES\n[0-9a-f]{12} {3}busybox .* looper$/],
  ['docker ps -q', /^[0-9a-f]{12}$/],
  ["docker ps --format '{{.Names}}: {{.State}}'", /^looper: running$/],
  ['sleep 0.5; docker logs --tail 2 looper', /^tick\ntick$/],
  ['docker inspect looper | grep -c \'"Status": "running"\'', /^1$/],
  ["docker inspect --format '{{.State.Running}} {{.Config.Image}}' looper", /^true busybox$/],
  ['docker exec looper ls /bin/sh', /^\/bin\/sh$/],
  ['docker top looper', /^UID .* CMD\n(.|\n)*while true/],
  ['docker stats --no-stream --format "{{.Name}}" looper', /^looper$/],
  ['docker pause looper && docker ps && docker unpause looper', /\(Paused\)(.|\n)*looper$/],
  ['docker rename looper renamed && docker restart -t 0 renamed', /^renamed$/],
  ['docker stop -t 0 renamed && docker ps -a', /Exited \(137\) .* renamed$/],
  ['docker start renamed && docker kill renamed', /^renamed\nrenamed$/],
  ['docker wait renamed', /^137$/],
  ['docker rm renamed', /^renamed$/],
  ['docker run --name kept busybox sh -c "echo data > /file; exit 3"; echo $?', /^3$/],
  ['docker start -a kept; echo $?', /^3$/],
  ["docker ps -a --filter exited=3 --format '{{.Names}}'", /^kept$/],
  ['docker rm $(docker ps -aq)', /^[0-9a-f]{12}$/],
  [
    'docker run -d --name web -v data:/data busybox sleep 1000 >/dev/null && docker exec web touch /data/x',
    /^$/,
  ],
  ['docker volume ls -q', /^data$/],
  ['docker rm -f web && docker run --rm -v data:/data busybox ls /data', /^web\nx$/],
  ['docker container prune -f; docker volume rm data', /Total reclaimed space: .*\ndata$/],
  ['docker stop nosuch; echo $?', /^1$/],
  ['docker run busybox nosuch; echo $?', /^127$/],
  ['docker run --nosuch busybox; echo $?', /^125$/],
  ['docker ps -a -q', /^$/],
];

describeCommands('the command lines of tutorials', (commands) => {
  async function shell(line: string): Promise<string> {
    const folder = join(commands().folder, 'bin');
    const docker = join(folder, 'docker');
    if (!existsSync(docker)) {
      mkdirSync(folder);
      writeFileSync(docker, `#!/bin/sh\nexec ${process.execPath} ${TSCTR} "$@"\n`);
      chmodSync(docker, 0o755);
    }
    const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder, TSBUILD_ROOT: commands().root };
    const { stdout } = await outcome(spawn('sh', ['-c', line], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
    return stdout.trimEnd();
  }

  test.each(LINES)('%s', async (line, prints) => {
    expect(await shell(line)).toMatch(prints);
  });

  test('docker run -m 400m limits the memory of the group that the container is in', async () => {
    await shell('docker run -d -m 400m --name limited busybox sleep 1000');
    const pid = await shell("docker inspect -f '{{.State.Pid}}' limited");
    const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    const host = cgroupHost();
    const file =
      host.version === 1
        ? `${host.roots.get('memory')}${/:memory:(.*)$/m.exec(groups)?.[1]}/memory.limit_in_bytes`
        : `${host.root}${/^0::(.*)$/m.exec(groups)?.[1]}/memory.max`;
    expect(readFileSync(file, 'utf8').trim()).toBe(String(400 * 1024 ** 2));
    expect(await shell('docker rm -f limited')).toBe('limited');
  });
});
