import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Commands,
  describeCommands,
  networkNamespace,
  outcome,
  type Program,
} from '../support/commands.ts';
import { hasProgram } from '../support/programs.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { TarBuilder } from '../support/tar-builder.ts';
import { lastingTraces, livingTraces, type Marks, reclaimableTraces } from '../support/traces.ts';

/*
 * kill -9 at random instants. SOAK multiplies the rounds (`npm run soak`), SEED repeats a run.
 */
const soak = Number(process.env.SOAK ?? 1);
const seed = Number(process.env.SEED ?? Date.now() % 1e9);
const random = seededRandom(seed);
const mark = `mark-${randomBytes(8).toString('hex')}`;

/** The same image every time: steps set the times of what they make. Long steps, with children that outlive their parents; stages at once; a cache mount; an archive; groups of files. */
const DOCKERFILE = `
FROM busybox AS tools
ARG MARK
RUN (setsid sleep 300 &) ; for i in 1 2 3; do (sleep 0.1; echo $i > /count$i) & done; wait; mkdir /d && cp /bin/busybox /d; touch -d @1 /count* /d/* /d
ADD archive.tar /
FROM busybox AS cached
ARG MARK
RUN --mount=type=cache,target=/cache,id=kept echo x >> /cache/log; sleep 0.15; echo done > /out; touch -d @1 /out
RUN --mount=type=cache,target=/cache,id=seeded,from=tools,source=/opt sleep 0.05; ls /cache > /listing; touch -d @1 /listing
FROM busybox
ARG MARK
COPY src /src
COPY --from=tools /opt /opt
COPY --from=tools /d /d
RUN rm -rf /src/a && head -c 3000000 /bin/busybox | tee /x1 /x2 > /x3; touch -d @1 /x* /src
COPY --from=cached /out /listing /
`;

function sourceFiles(): Record<string, Buffer> {
  const archive = new TarBuilder().directory('opt');
  for (let index = 0; index < 200; index++) archive.file(`opt/${index}`, `text ${index}\n`);
  const files: Record<string, Buffer> = { 'archive.tar': archive.end() };
  for (let index = 0; index < 200; index++)
    files[`src/${'abcd'[index % 4]}/${index}`] = Buffer.from(`${index}`.repeat(500));
  return files;
}

let network: ReturnType<typeof networkNamespace>;
beforeAll(() => {
  network = networkNamespace();
});
afterAll(() => network?.release());

const reason = ['nsenter', 'unshare'].find((name) => !hasProgram(name));
if (reason !== undefined) console.log(`skipped: killed commands: there is no ${reason}`);

describeCommands(
  'a command killed at any instant',
  (commands) => {
    const marks = (): Marks => ({ root: commands().root, mark, cgroup: mark, network: network.pid });
    let directory: string;
    let reference: string;
    let duration: number;

    const args = (...more: string[]) => [
      '-q',
      '--memory=200m',
      `--cgroup-parent=${mark}`,
      `--build-arg=MARK=${mark}`,
      '--tag=killed',
      ...more,
      directory,
    ];

    beforeAll(async () => {
      if (reason !== undefined) return;
      directory = commands().context({ Dockerfile: DOCKERFILE, ...sourceFiles() });
      await succeed(commands(), 'tsbuild', args());
      const began = performance.now();
      reference = await succeed(commands(), 'tsbuild', args('--no-cache'));
      duration = performance.now() - began;
    });

    /** Kills the command after a random part of its time; nothing lives on, and the next command reclaims the rest. */
    async function killOnce(
      program: Program,
      argv: readonly string[],
      longest: number,
      next = ['images', '-q'],
    ): Promise<boolean> {
      const child = commands().start(program, argv, { env: { MARK: mark } });
      const ended = outcome(child);
      await delay(random.below(Math.ceil(longest)));
      child.kill('SIGKILL');
      const { signal } = await ended;
      expect(await lastingTraces(() => livingTraces(marks())), `seed ${seed}`).toEqual([]);
      await succeed(commands(), 'tsctr', next);
      expect(await lastingTraces(() => reclaimableTraces(marks())), `seed ${seed}`).toEqual([]);
      expect(await succeed(commands(), 'tsctr', ['check'])).toBe('The store is clean\n');
      return signal === 'SIGKILL';
    }

    test.skipIf(reason !== undefined)(
      'tsbuild leaves nothing, and the next build gives the same image',
      { timeout: 60_000 * soak },
      async () => {
        let killed = 0;
        for (let round = 0; round < 6 * soak; round++) {
          const fresh = random.chance(50);
          if (fresh) await succeed(commands(), 'tsctr', ['builder', 'prune', '-f']);
          const argv = args(...(fresh ? [] : ['--no-cache']));
          if (await killOnce('tsbuild', argv, duration * 1.1)) killed++;
          expect(await succeed(commands(), 'tsbuild', args()), `round ${round}, seed ${seed}`).toBe(
            reference,
          );
        }
        console.log(`killed ${killed} of ${6 * soak} builds of ${Math.round(duration)} ms`);
        expect(killed).toBeGreaterThan(2 * soak);
      },
    );

    test.skipIf(reason !== undefined)('tsrun --rm leaves nothing', { timeout: 60_000 * soak }, async () => {
      const argv = ['--rm', '--memory=100m', '-e', `MARK=${mark}`, '-v', '/etc', '-v', '/volume'];
      const script = '(setsid sleep 300 &); echo x > /etc/x; cp /bin/busybox /y; sleep 0.05';
      for (let round = 0; round < 5 * soak; round++)
        await killOnce('tsrun', [...argv, 'busybox', 'sh', '-c', script], 300, ['ps', '-aq']);
    });

    test.skipIf(reason !== undefined)(
      'tsctr load leaves nothing, and the next one loads all of it',
      { timeout: 60_000 * soak },
      async () => {
        const archive = join(commands().folder, 'saved.tar');
        await succeed(commands(), 'tsctr', ['save', '-o', archive, 'killed']);
        for (let round = 0; round < 4 * soak; round++) {
          await succeed(commands(), 'tsctr', ['rmi', '-f', 'killed']);
          await succeed(commands(), 'tsctr', ['prune', '-f']);
          await killOnce('tsctr', ['load', '-i', archive], 250);
          await succeed(commands(), 'tsctr', ['load', '-i', archive]);
          expect(await succeed(commands(), 'tsctr', ['images', '-q', '--no-trunc', 'killed'])).toBe(
            reference,
          );
        }
      },
    );
  },
  () => ({ through: network.through, env: { SOURCE_DATE_EPOCH: '1700000000' } }),
);

async function succeed(commands: Commands, program: Program, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await commands.run(program, args);
  expect({ code, stderr }, `${program} ${args.join(' ')}; seed ${seed}`).toEqual({ code: 0, stderr: '' });
  return stdout;
}
