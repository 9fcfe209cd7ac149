import { readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { libc } from '../../../src/linux/libc.ts';
import { vforkProblem } from '../../../src/sandbox/mechanism.ts';
import type { Program } from '../../../src/sandbox/plan.ts';
import { compileSeccomp } from '../../../src/sandbox/seccomp.ts';
import { vforkObstacle, vforkStarter } from '../../../src/sandbox/vfork.ts';
import { decodeStatus, watchChild } from '../../../src/sandbox/wait.ts';

const problem = await vforkProblem();
if (problem !== undefined) console.log(`skipped: vforkStarter(): ${problem}`);

const sys = libc();
const start = (setUp: () => Program, env: readonly string[] = []) =>
  vforkStarter().start({ flags: 0, mostArgs: 4, env, setUp });
const end = async (pid: number) => decodeStatus(await watchChild(pid, sys).ended);
const node = (script: string): Program => ({ path: process.execPath, args: ['node', '-e', script] });

describe.skipIf(problem !== undefined)('vforkStarter()', () => {
  test('runs the set-up in another process, whose variables are ours', async () => {
    let seen: string | undefined;
    const { pid, failure } = start(() => {
      seen = readlinkSync('/proc/self');
      return node('process.exit(7)');
    });
    expect(failure).toBeUndefined();
    expect(seen).toBe(String(pid));
    expect(await end(pid)).toEqual({ code: 7 });
  });

  test('gives the program the arguments that the set-up returns, and the environment', async () => {
    const script =
      'process.exit(process.env.A === "b" && process.argv0 === "node" && !process.env.HOME ? 3 : 4)';
    const { pid } = start(() => node(script), ['A=b']);
    expect(await end(pid)).toEqual({ code: 3 });
  });

  test('brings back what the set-up throws', async () => {
    const error = new Error('no');
    const { pid, failure } = start(() => {
      throw error;
    });
    expect(failure).toBe(error);
    expect(await end(pid)).toEqual({ code: 127 });
  });

  test('brings back why the program could not be executed', async () => {
    const { pid, failure } = start(() => ({ path: '/nosuch/program', args: ['x'] }));
    expect(failure).toMatchObject({ syscall: 'execve', code: 'ENOENT' });
    expect(await end(pid)).toEqual({ code: 127 });
  });

  test('tells of a child that ended before it came to the program', async () => {
    const { program, flags } = compileSeccomp({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['rt_sigprocmask'], action: 'SCMP_ACT_KILL_PROCESS' }],
    });
    const { pid, failure } = start(() => {
      sys.seccompSetFilter(program, flags); // the way from the set-up to the program calls it
      return node('');
    });
    expect(failure).toEqual(new Error('the child ended before its set-up had'));
    expect(await end(pid)).toMatchObject({ signal: constants.signals.SIGSYS });
  });

  test('is not misled by calls that fail in a set-up that succeeds', async () => {
    const { pid, failure } = start(() => {
      expect(() => sys.open('/nosuch', 0)).toThrow();
      return node('');
    });
    expect(failure).toBeUndefined();
    expect(await end(pid)).toEqual({ code: 0 });
  });

  test('keeps descriptors, working directory and signals of this process as they are', async () => {
    const fds = readdirSync('/proc/self/fd').length;
    const { pid } = start(() => {
      sys.chdir('/');
      sys.open('/dev/null', 0);
      sys.close(2);
      sys.resetSignals();
      return node('');
    });
    await end(pid);
    expect(process.cwd()).not.toBe('/');
    expect(readdirSync('/proc/self/fd').length).toBe(fds);
  });

  test('lives through garbage in the child, many times', async () => {
    for (let round = 0; round < 100; round++) {
      const { pid, failure } = start(() => {
        const garbage = Array.from({ length: 20_000 }, (_, index) => ({ index, buffer: Buffer.alloc(8) }));
        return { path: '/proc/self/exe/nosuch', args: [String(garbage.length)] };
      });
      expect(failure).toMatchObject({ code: 'ENOTDIR' });
      await end(pid);
    }
  });
});

describe('vforkObstacle()', () => {
  const { NODE_OPTIONS } = process.env;
  afterEach(() => {
    if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = NODE_OPTIONS;
  });

  test('is there under a debugger', () => {
    process.env.NODE_OPTIONS = '--inspect=0';
    expect(vforkObstacle()).toBe('a debugger may be attached');
  });
});
