import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { cgroupHost } from '../../src/sandbox/cgroup-host.ts';
import { type Commands, describeCommands, networkNamespace } from '../support/commands.ts';
import { hasProgram } from '../support/programs.ts';
import { SeededRandom } from '../support/seeded-random.ts';

/** The long form of these tests: SOAK=100 makes 1,000 containers one after the other, and kills 200. */
const SOAK = Number(process.env.SOAK ?? 1);
const MINUTE = 60_000;
/** By which processes of these containers are known. */
const MARK = '31415926';

const hasNft = hasProgram('nft');
if (!hasNft) console.log('skipped: leaks of rules: there is no nft (nftables)');

/** Where these containers have their network, so that what others do meanwhile is not seen. */
const network = networkNamespace();
afterAll(() => network.release());

describeCommands(
  'what containers leave behind',
  (commands) => {
    const tsctr = (...args: string[]) => commands().tsctr(args);

    test(
      'tsrun --rm leaves nothing, one after the other',
      async () => {
        for (let count = 0; count < 10 * SOAK; count++) {
          const { code, stderr } = await commands().tsrun(['--rm', '-m=50m', 'busybox', 'true']);
          expect([code, stderr]).toEqual([0, '']);
        }
        expect(await leftovers(commands())).toEqual([]);
      },
      MINUTE * (1 + SOAK / 4),
    );

    test(
      'tsrun --rm leaves nothing, many at once, in the foreground and in the background',
      async () => {
        const count = Math.min(50, 6 + 4 * (SOAK - 1));
        const outcomes = await Promise.all(
          Array.from({ length: count }, (_, index) =>
            commands().tsrun([...(index % 2 ? ['-d'] : []), '--rm', 'busybox', 'sh', '-c', 'sleep 0.2']),
          ),
        );
        expect(outcomes.map(({ code, stderr }) => [code, stderr])).toEqual(outcomes.map(() => [0, '']));
        expect(await eventually(() => leftovers(commands()))).toEqual([]);
      },
      MINUTE * 3,
    );

    test(
      'a supervisor that is killed leaves nothing, whatever its container was doing',
      async () => {
        const random = new SeededRandom(23);
        for (let round = 0; round < 2 + 2 * (SOAK - 1); round++) {
          const options = [
            '-d',
            '--restart=always',
            '-p',
            '18080',
            ...(round % 2 ? ['--rm', '--restart=no'] : []),
          ];
          const script = round % 2 ? 'sleep 100' : 'sleep 0.2; echo out';
          const made = await commands().tsrun([...options, 'busybox', 'sh', '-c', script, MARK]);
          expect(made).toMatchObject({ code: 0, stderr: '' });
          if (round % 2 && hasNft) expect(rules()).toHaveLength(1);
          await delay(random.below(600));
          for (const pid of supervisors(commands())) kill(pid);
          // kill(2) returns before the process is gone.
          await eventually(async () => supervisors(commands()).map(String));
          const states = (await tsctr('ps', '-a', '--format={{.State}}')).stdout.split('\n').filter(Boolean);
          expect(states.filter((state) => state !== 'exited')).toEqual([]);
          await tsctr('container', 'prune', '-f');
        }
        expect(await eventually(() => leftovers(commands()))).toEqual([]);
      },
      MINUTE * (1 + SOAK / 10),
    );

    test(
      'whatever is killed at whatever moment, the next command tells the truth and leaves nothing',
      async () => {
        const random = new SeededRandom(17);
        for (let round = 0; round < 4 + 2 * (SOAK - 1); round++) {
          const inBackground = round % 2 === 1;
          const child = commands().start('tsrun', [
            ...(inBackground ? ['-d'] : []),
            ...(round % 3 === 0 ? ['--rm'] : []),
            ...['busybox', 'sleep', MARK],
          ]);
          const ended = once(child, 'close');
          await delay(random.below(700));
          child.kill('SIGKILL');
          await ended;
          if (inBackground) for (const pid of supervisors(commands())) kill(pid);
        }
        await eventually(async () => [...supervisors(commands()), ...marked()].map(String));
        const states = (await tsctr('ps', '-a', '--format={{.State}}')).stdout.split('\n').filter(Boolean);
        expect(states.filter((state) => state !== 'exited' && state !== 'created')).toEqual([]);
        expect(marked()).toEqual([]);
        const { stdout, stderr } = await tsctr('container', 'prune', '-f');
        expect(stderr).toBe('');
        expect(stdout).toContain('Total reclaimed space');
        expect(await eventually(() => leftovers(commands()))).toEqual([]);
      },
      MINUTE * (2 + SOAK / 10),
    );
  },
  () => ({ through: network.through }),
);

/** Asks again until nothing is left: what was just killed takes a moment to go. */
async function eventually(ask: () => Promise<readonly string[]>): Promise<readonly string[]> {
  let found = await ask();
  for (let attempt = 0; found.length > 0 && attempt < 100; attempt++) {
    await delay(100);
    found = await ask();
  }
  return found;
}

/** Everything of a container that is anywhere after its end; nothing, if all is well. */
async function leftovers(commands: Commands): Promise<readonly string[]> {
  const { stdout } = await commands.tsctr(['ps', '-aq', '--no-trunc']);
  const { root } = commands;
  const inStore = (folder: string) => namesIn(join(root, folder)).map((name) => `${folder}/${name}`);
  return [
    ...stdout.split('\n').filter(Boolean),
    ...['containers', 'volumes', 'active', 'ingest', 'leases', 'locks'].flatMap(inStore),
    ...marked().map((pid) => `process ${pid}`),
    ...supervisors(commands).map((pid) => `supervisor ${pid}`),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(commands.folder)),
    ...groupsOf(commands),
    ...interfaces(),
    ...(hasNft ? rules() : []),
  ];
}

/** Tables of nftables with the rules of containers. */
function rules(): readonly string[] {
  const { stdout, error } = spawnSync('nsenter', [...network.through.slice(1), 'nft', 'list', 'tables'], {
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return stdout.split('\n').filter((line) => line.includes('tsbuild-port-'));
}

/** Control groups of containers of these tests, and of no other: of those that events tell of. */
function groupsOf({ root }: Commands): readonly string[] {
  const log = join(root, 'events.log');
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  const ids = [...new Set([...text.matchAll(/"id":"([0-9a-f]{64})"/g)].map(([, id]) => id!))];
  const host = cgroupHost();
  const parents = host.version === 1 ? [...new Set(host.roots.values())] : [host.root];
  return parents
    .flatMap((parent) => namesIn(join(parent, 'tsbuild')).map((name) => `${parent}/tsbuild/${name}`))
    .filter((path) => ids.some((id) => path.includes(id)));
}

/** Those of the hosts' side of containers. */
function interfaces(): readonly string[] {
  const names = readFileSync(`/proc/${network.pid}/net/dev`, 'utf8').matchAll(/^\s*([^\s:|]+):/gm);
  return [...names].map(([, name]) => name!).filter((name) => /^(tsv|veth)/.test(name));
}

function supervisors({ root }: Commands): readonly number[] {
  return processes((words) => words.some((word) => word.endsWith('supervisor.cjs')) && words.includes(root));
}

function marked(): readonly number[] {
  return processes((words) => words.includes(MARK) && words.includes('sleep') && !words.includes('--'));
}

function processes(isMeant: (words: readonly string[]) => boolean): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return (
          readlinkSync(`/proc/${name}/exe`) !== '' &&
          isMeant(readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0'))
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
