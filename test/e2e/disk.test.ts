import { execFileSync } from 'node:child_process';
import { chownSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Commands, describeCommands, importBusybox, type Outcome } from '../support/commands.ts';
import { fillUp, smallDisk } from '../support/small-disk.ts';

/** Commands whose store is on a disk of some MiB. */
async function onDisk(mebibytes: number) {
  const disk = smallDisk(mebibytes)!;
  const root = join(disk, 'store');
  const commands = new Commands({ env: { TSBUILD_ROOT: root } });
  await importBusybox(commands);
  const { code } = await commands.build('FROM busybox\nRUN head -c 500000 /dev/urandom > /a', {}, [
    '-t',
    'x',
  ]);
  expect(code).toBe(0);
  return { disk, root, commands };
}

/** One sentence, and what to do; no stack. */
function expectRefused({ code, stderr }: Outcome, ...parts: string[]): void {
  expect(code).not.toBe(0);
  for (const part of parts) expect(stderr).toContain(part);
  expect(stderr).not.toMatch(/^\s+at |node:internal|Error: .*Error: /m);
}

const leftovers = (root: string) =>
  ['active', 'ingest', 'leases', 'trash'].flatMap((area) => readdirSync(join(root, area)));

// The suite has a store of its own, only to be skipped as the others are where there are no means for it.
describeCommands('a disk that takes nothing', (own) => {
  test('when it fills up during a step, COPY or load, fails these, and nothing is left of them', async () => {
    const { root, commands } = await onDisk(6);
    expectRefused(
      await commands.build('FROM busybox\nRUN head -c 10000000 /dev/zero > /big'),
      'did not complete successfully: exit code: 1',
    );
    const files = { big: Buffer.alloc(10_000_000, 'x'), Dockerfile: 'FROM busybox\nCOPY big /big' };
    expectRefused(
      await commands.build(files.Dockerfile, files),
      'no space left on device',
      'The disk is full',
    );
    const saved = join(own().folder, 'saved.tar');
    const made = await own().build(files.Dockerfile, files, [`--output=type=oci,dest=${saved}`]);
    expect(made.code).toBe(0);
    expectRefused(await commands.tsctr(['load', '-i', saved]), 'no space left on device', 'The disk is full');
    expect(leftovers(root)).toEqual([]);
    expect(await commands.tsctr(['check'])).toMatchObject({ code: 0, stdout: 'The store is clean\n' });
    expect((await commands.build('FROM busybox\nRUN echo small > /small')).code).toBe(0);
    await commands.remove();
  });

  test('when a container fills it up, the container goes on, is shown, stopped and removed', async () => {
    const { root, commands } = await onDisk(8);
    const script = 'sleep 0.5; dd if=/dev/zero of=/big bs=1M; while true; do echo still; sleep 0.05; done';
    const run = ['-d', '--name=greedy', '--network=none', 'busybox', 'sh', '-c', script];
    expect(await commands.tsrun(run)).toMatchObject({ code: 0, stderr: '' });
    await delay(1500);
    const status = async () => (await commands.tsctr(['ps', '-a', '--format={{.Status}}'])).stdout;
    expect(await status()).toMatch(/^Up /);
    expect(await commands.tsctr(['exec', 'greedy', 'true'])).toMatchObject({ code: 0, stderr: '' });
    expect(await commands.tsctr(['stop', '-t1', 'greedy'])).toMatchObject({ code: 0, stderr: '' });
    expect(await status()).toMatch(/^Exited \(137\) /);
    expect(await commands.tsctr(['rm', 'greedy'])).toMatchObject({ code: 0, stderr: '' });
    expect(await status()).toBe('');
    expect(readdirSync(join(root, 'containers'))).toEqual([]);
    expect((await commands.tsrun(['--rm', '--network=none', 'busybox', 'true'])).code).toBe(0);
    await commands.remove();
  });

  test('when it is full, lets images be looked at, and room be made', async () => {
    const { disk, root, commands } = await onDisk(6);
    fillUp(disk);
    expectRefused(
      await commands.build('FROM busybox\nRUN true'),
      'no space left on device',
      'The disk is full',
    );
    expectRefused(await commands.tsrun(['--rm', 'x', 'true']), 'no space left on device');
    for (const args of [
      ['images'],
      ['inspect', 'x'],
      ['history', 'x'],
      ['check'],
      ['save', 'x', '-o', '/dev/null'],
    ])
      expect(await commands.tsctr(args), args.join(' ')).toMatchObject({ code: 0, stderr: '' });
    expect(await commands.tsctr(['rmi', 'x'])).toMatchObject({ code: 0, stderr: '' });
    expect(await commands.tsctr(['prune', '-f'])).toMatchObject({ code: 0, stderr: '' });
    expect(leftovers(root)).toEqual([]);
    expect((await commands.build('FROM busybox\nRUN echo small > /small')).code).toBe(0);
    await commands.remove();
  });

  test('when it is read-only, lets images be looked at', async () => {
    const { disk, commands } = await onDisk(8);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    for (const args of [['images'], ['inspect', 'x'], ['check'], ['ps'], ['save', 'x', '-o', '/dev/null']])
      expect(await commands.tsctr(args), args.join(' ')).toMatchObject({ code: 0, stderr: '' });
    expectRefused(await commands.build('FROM busybox\nRUN true'), 'read-only file system', 'TSBUILD_ROOT');
    for (const args of [
      ['rmi', 'x'],
      ['tag', 'x', 'y'],
      ['prune', '-f'],
      ['run', '--rm', 'x', 'true'],
    ])
      expectRefused(await commands.tsctr(args), 'read-only file system', 'TSBUILD_ROOT');
    await commands.remove();
  });
});

describeCommands('a store', (commands) => {
  test("of somebody else's is not touched", async () => {
    chownSync(commands().root, 1234, 1234);
    for (const program of ['tsctr', 'tsbuild'] as const)
      expectRefused(
        await commands().run(program, program === 'tsctr' ? ['images'] : ['.']),
        'it belongs to user 1234, and this is user 0',
      );
    chownSync(commands().root, 0, 0);
  });

  test.each(['/proc/1/store', '/proc/store', '/dev/null', '/dev/null/store', '/sys/store'])(
    'cannot be at %s',
    async (root) => {
      const env = { TSBUILD_ROOT: root };
      expectRefused(await commands().tsctr(['images'], { env, through: ['timeout', '10'] }), root);
    },
  );

  test('is made anew when it was removed', async () => {
    const root = join(commands().folder, 'another');
    const env = { TSBUILD_ROOT: root };
    expect((await commands().tsctr(['images'], { env })).code).toBe(0);
    rmSync(root, { recursive: true });
    expect((await commands().tsctr(['images', '-q'], { env })).stdout).toBe('');
  });
});
