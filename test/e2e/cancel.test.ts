import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { type Commands, describeCommands, type Outcome, outcome } from '../support/commands.ts';
import { lastingTraces } from '../support/traces.ts';

/** Resolves when the process has said so on standard error. */
async function said(child: ChildProcess, text: string): Promise<void> {
  let seen = '';
  for await (const [chunk] of on(child)) {
    seen += String(chunk);
    if (seen.includes(text)) return;
  }
  throw new Error(`It ended without saying "${text}": ${seen}`);
}

async function* on(child: ChildProcess) {
  const ended = once(child.stderr!, 'end').then(() => undefined);
  for (;;) {
    const next = await Promise.race([once(child.stderr!, 'data'), ended]);
    if (next === undefined) return;
    yield next;
  }
}

/** What a process has in the store while it lives, and what is being deleted. */
function left({ root }: Commands): string[] {
  return ['active', 'ingest', 'leases', 'locks', 'trash'].flatMap((area) =>
    readdirSync(join(root, area)).map((name) => `${area}/${name}`),
  );
}

describeCommands('a build that is stopped', (commands) => {
  function start(dockerfile: string, args: readonly string[] = []) {
    const directory = commands().context({ Dockerfile: dockerfile });
    const child = commands().start('tsbuild', ['--progress=plain', '--network=none', ...args, directory]);
    return { child, ended: outcome(child), directory };
  }

  /** It ends soon, with Docker's status, one word, and nothing left. */
  async function expectStopped(ended: Promise<Outcome>, code = 130): Promise<void> {
    const began = performance.now();
    const { stderr, ...end } = await ended;
    expect(end).toEqual({ code, signal: null, stdout: '' });
    expect(stderr).toMatch(/ERROR: canceled\n$/);
    expect(stderr).not.toMatch(/ at .*:\d+|AbortError/);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(await lastingTraces(() => left(commands()))).toEqual([]);
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s while steps run leaves nothing but the steps before', async (signal, code) => {
    const dockerfile = `FROM busybox AS one
RUN echo ${signal} > /done
RUN (setsid sleep 1000 &); echo started; exec sleep 1001
FROM busybox
RUN echo ${signal}; sleep 1002
COPY --from=one /done /`;
    const { child, ended, directory } = start(dockerfile);
    await said(child, ' started\n');
    child.kill(signal);
    await expectStopped(ended, code);
    expect((await ended).stderr).toMatch(/^#\d+ CANCELED$/m);
    const { stderr } = await commands().tsbuild(
      ['--progress=plain', '--target=one', '--network=none', directory],
      {
        env: { TSBUILD_TEST: '1' },
        // The second step runs again, and is stopped by its time.
        through: ['timeout', '-s', 'INT', '3'],
      },
    );
    expect(stderr).toMatch(/RUN echo SIG.* > \/done\n#\d+ CACHED/);
  });

  test('while it waits for the same step of another build goes alone', async () => {
    const dockerfile = 'FROM busybox\nRUN echo started; sleep 2; echo done > /done';
    const first = start(dockerfile, ['-t', 'first']);
    await said(first.child, ' started\n');
    const second = start(dockerfile);
    await said(second.child, 'DONE');
    await delay(100);
    second.child.kill('SIGINT');
    const { code, stderr } = await second.ended;
    expect({ code, last: stderr.trim().split('\n').at(-1) }).toEqual({ code: 130, last: 'ERROR: canceled' });
    expect(first.child.exitCode).toBeNull();
    expect((await first.ended).code).toBe(0);
    expect(await lastingTraces(() => left(commands()))).toEqual([]);
  });

  test('while it waits for a locked cache mount goes alone', async () => {
    const mount = '--mount=type=cache,id=waited,sharing=locked,target=/cache';
    const first = start(`FROM busybox\nRUN ${mount} echo started; sleep 2`);
    await said(first.child, ' started\n');
    const second = start(`FROM busybox\nRUN ${mount} echo other`);
    await said(second.child, `RUN ${mount} echo other`);
    await delay(100);
    second.child.kill('SIGINT');
    expect((await second.ended).code).toBe(130);
    expect(first.child.exitCode).toBeNull();
    expect((await first.ended).code).toBe(0);
  });

  test.each([['-'], ['-f-', '.']])('while it reads standard input (%s)', async (...args) => {
    const child = commands().start('tsbuild', args, { input: '' });
    const ended = outcome(child);
    child.stdin!.write('FROM busybox\n');
    await delay(500);
    child.kill('SIGINT');
    await expectStopped(ended);
  });

  test.each(['FROM $HOST/x', 'FROM scratch\nADD http://$HOST/x /'])(
    'while a server keeps silent: %s',
    async (text) => {
      const server = createServer(() => {});
      onTestFinished(() => void server.close().closeAllConnections());
      const asked = once(server, 'request');
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { child, ended } = start(
        text.replace('$HOST', `127.0.0.1:${(server.address() as AddressInfo).port}`),
      );
      await asked;
      child.kill('SIGINT');
      await expectStopped(ended);
    },
  );
});
