import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeCommands } from '../../support/commands.ts';

describeCommands('services of the host', (commands) => {
  const abstract = `tsbuild-r21-${process.pid}`;
  const servers: Server[] = [];
  let reached = 0;
  let port: number;

  beforeAll(async () => {
    for (const place of [{ host: '127.0.0.1', port: 0 }, { path: `\0${abstract}` }]) {
      const server = createServer((socket) => {
        reached++;
        socket.on('error', () => {}).end('of the host\n');
      }).listen(place);
      await once(server, 'listening');
      servers.push(server);
    }
    port = (servers[0]!.address() as AddressInfo).port;
  });
  afterAll(() => {
    for (const server of servers) server.close();
  });

  /** Tries the host at loopback and at the gateway; the kernel lists the abstract sockets that can be reached. */
  const attempts = () =>
    `for to in 127.0.0.1 $(ip route 2>/dev/null | grep default | cut -d" " -f3); do nc -w 2 $to ${port} </dev/null; done 2>/dev/null; grep -c ${abstract} /proc/net/unix; cat /proc/net/route | wc -l`;

  test('at loopback and at abstract sockets are not reached by containers, but with --network=host (R21)', async () => {
    expect(readFileSync('/proc/net/unix', 'utf8')).toContain(abstract);
    for (const network of ['none', 'bridge']) {
      const { stdout } = await commands().tsrun([
        ...['--rm', `--network=${network}`, 'busybox', 'sh', '-c', attempts()],
      ]);
      expect({ network, stdout }).toEqual({ network, stdout: `0\n${network === 'none' ? 1 : 3}\n` });
    }
    expect(reached).toBe(0);
    const host = await commands().tsrun(['--rm', '--network=host', 'busybox', 'sh', '-c', attempts()]);
    expect(host.stdout).toMatch(/^of the host\n/);
    expect(host.stdout).toMatch(/\n[1-9]\n\d+\n$/);
    expect(reached).toBeGreaterThan(0);
  });

  test('are not reached by RUN either (R21)', async () => {
    const before = reached;
    for (const network of ['none', 'default']) {
      const context = commands().context({
        Dockerfile: `FROM busybox\nRUN (${attempts()}) > /seen 2>&1; true\n`,
      });
      const tag = `r21-${network}`;
      const built = await commands().tsbuild(['-q', `--network=${network}`, '-t', tag, context]);
      expect({ network, code: built.code, stderr: built.stderr }).toEqual({ network, code: 0, stderr: '' });
      const { stdout } = await commands().tsrun(['--rm', '--network=none', tag, 'cat', '/seen']);
      expect(stdout.split('\n')[0]).toBe('0');
    }
    expect(reached).toBe(before);
  });
});
