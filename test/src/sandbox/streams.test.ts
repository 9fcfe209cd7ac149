import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { launch } from '../../../src/sandbox/launch.ts';
import { describeContainers, text } from '../../support/containers.ts';
import { shellSpec } from '../../support/specs.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const OUTPUT = { kind: 'fds', stdin: 'null', stdout: 'pipe', stderr: 'null' } as const;

describeContainers('wireStreams()', ({ root, mechanism }) => {
  test('hands on descriptors and makes pipes, stream by stream', async () => {
    const path = join(tempFolder(), 'out');
    const fd = openSync(path, 'w');
    const running = await launch(shellSpec('cat; echo problem >&2'), {
      overlay: root().overlay(),
      mechanism,
      stdio: { kind: 'fds', stdin: 'pipe', stdout: fd, stderr: 'pipe' },
    });
    closeSync(fd);
    expect(running.stdout).toBeUndefined();
    running.stdin!.end('hello\n');
    expect(await text(running.stderr!)).toBe('problem\n');
    expect(await running.wait()).toMatchObject({ code: 0 });
    expect(readFileSync(path, 'utf8')).toBe('hello\n');
  });

  test('gives output to a function until the last process has closed it, however much it is', async () => {
    const taken = { 1: [] as Uint8Array[], 2: [] as Uint8Array[] };
    const script = 'head -c 1000000 /dev/zero; echo problem >&2; exec 2>&-; echo end; exit 3';
    const running = await launch(shellSpec(script), {
      overlay: root().overlay(),
      mechanism,
      stdio: {
        kind: 'fds',
        stdin: 'null',
        stdout: 'pipe',
        stderr: 'pipe',
        take: (stream, data) => {
          taken[stream].push(data);
          return undefined;
        },
      },
    });
    expect(running).not.toHaveProperty('stdout');
    expect(await running.wait()).toMatchObject({ code: 3 });
    const output = Buffer.concat(taken[1]);
    expect(output.length).toBe(1_000_004);
    expect(output.subarray(-5).toString('latin1')).toBe('\0end\n');
    expect(Buffer.concat(taken[2]).toString()).toBe('problem\n');
  });

  test('makes the next write fail where the function has had enough', async () => {
    const script = 'trap "" PIPE; echo one; while echo more 2>/dev/null; do :; done; exit 7';
    const running = await launch(shellSpec(script), {
      overlay: root().overlay(),
      mechanism,
      stdio: { ...OUTPUT, take: async () => false },
    });
    expect(await running.wait()).toMatchObject({ code: 7 });
  });

  test('tells who waits for the end what the function threw, long before that', async () => {
    const running = await launch(shellSpec('echo one; sleep 0.2'), {
      overlay: root().overlay(),
      mechanism,
      stdio: {
        ...OUTPUT,
        take: async () => {
          throw new Error('the disk is full');
        },
      },
    });
    await running.ended;
    await expect(running.wait()).rejects.toThrow('the disk is full');
  });
});
