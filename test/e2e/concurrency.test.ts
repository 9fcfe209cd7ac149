import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Commands, describeCommands, type Outcome, outcome } from '../support/commands.ts';

const PROCESSES = 20;

/** A few steps of every kind. `own` makes it another build than others. */
const dockerfile = (own: string) => `
FROM busybox AS made
RUN --mount=type=cache,id=common,target=/cache echo ${own} > /cache/${own}; echo ${own} > /own; cp /bin/busybox /copy
FROM busybox
COPY common /common
COPY --from=made /own /copy /
RUN cat /own /common/text > /both && rm /common/more
`;

const files = { 'common/text': 'common\n', 'common/more': 'more\n' };

describeCommands('many processes on one store', (commands) => {
  const clean = async () =>
    expect((await commands().tsctr(['check'])).stdout, 'tsctr check').toBe('The store is clean\n');

  function start(own: string, args: readonly string[] = []): Promise<Outcome> {
    const directory = commands().context({ Dockerfile: dockerfile(own), ...files });
    return outcome(commands().start('tsbuild', ['-q', '--network=none', '-t', own, ...args, directory]));
  }

  const content = async (image: string) =>
    (
      await commands().tsrun([
        '--rm',
        '--network=none',
        image,
        'sh',
        '-c',
        'cat /both; ls /common; cmp /copy /bin/busybox',
      ])
    ).stdout;

  const expectBuilt = (outcomes: readonly Outcome[]) => {
    for (const { code, stderr } of outcomes) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  };

  test('build the same image, of which each step runs once', async () => {
    const outcomes = await Promise.all(Array.from({ length: PROCESSES }, () => start('same')));
    expectBuilt(outcomes);
    // The config has the times of steps that ran once.
    expect(new Set(outcomes.map(({ stdout }) => stdout)).size).toBe(1);
    expect(await content('same')).toBe('same\ncommon\ntext\n');
    await clean();
  });

  test('build an image each', async () => {
    const names = Array.from({ length: PROCESSES }, (_, index) => `image${index}`);
    expectBuilt(await Promise.all(names.map((name) => start(name))));
    for (const name of [names[0]!, names[7]!, names.at(-1)!])
      expect(await content(name)).toBe(`${name}\ncommon\ntext\n`);
    const { stdout } = await commands().tsctr(['images', '--format', '{{.Repository}}']);
    expect(stdout.trim().split('\n')).toEqual(expect.arrayContaining(names));
    await clean();
  });

  test('build while others prune and remove images', async () => {
    const racing = new AbortController();
    const race = Promise.all([
      again(commands(), ['prune', '-f'], racing),
      again(commands(), ['rmi', '-f', 'racing0'], racing),
    ]);
    const names = Array.from({ length: PROCESSES / 2 }, (_, index) => `racing${index % 5}`);
    const outcomes = await Promise.all(
      names.map((name, index) => start(name, index % 2 ? ['--no-cache'] : [])),
    );
    racing.abort();
    const raced = await race;
    expectBuilt(outcomes);
    expect(raced.flat()).toEqual([]);
    for (const name of ['racing1', 'racing4']) expect(await content(name)).toBe(`${name}\ncommon\ntext\n`);
    await clean();
    expect(readFileSync(join(commands().root, 'version'), 'utf8')).toMatch(/^tsbuild store/);
  });
});

/** Runs the command over and over; resolves with what it complained about. */
async function again(
  commands: Commands,
  args: readonly string[],
  { signal }: AbortController,
): Promise<readonly string[]> {
  const complaints: string[] = [];
  while (!signal.aborted) {
    const { code, stderr } = await commands.tsctr(args);
    if (code !== 0 && !/No such image/.test(stderr)) complaints.push(stderr);
  }
  return complaints;
}
