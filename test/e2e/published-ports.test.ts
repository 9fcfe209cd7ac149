import { spawn } from 'node:child_process';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, connect as dial } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { describeCommands } from '../support/commands.ts';
import { expectNoRules } from '../support/host-network.ts';

/** Answers each connection with one line. */
const SERVER = 'while true; do echo hello | nc -l -p 80; done';

/** Sends datagrams back, port 80. */
const ECHO = `const s = require('dgram').createSocket('udp4');
s.on('message', (m, r) => s.send(m, r.port, r.address)).bind(80, () => console.log('ready'));`;

/** What a server says; tries again while nobody listens yet. */
async function read(host: string, port: number): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const text = await new Promise<string>((resolve) => {
      let received = '';
      const socket = dial({ host, port });
      socket.setTimeout(2000, () => socket.destroy());
      socket.on('data', (bytes) => {
        received += bytes.toString();
        socket.end();
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(received));
    });
    if (text !== '' || attempt === 50) return text;
    await delay(50);
  }
}

/** An address of the host that is not a loopback's, nor a bridge's of ours. */
function hostAddress(): string | undefined {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !/^(lo|tsbuild|br-|docker)/.test(name))
    .flatMap(([, addresses = []]) => addresses)
    .find(({ family }) => family === 'IPv4')?.address;
}

describeCommands('published ports', (commands) => {
  afterEach(async () => {
    const { stdout } = await commands().tsctr(['ps', '-aq', '--no-trunc']);
    for (const id of stdout.split('\n').filter(Boolean)) {
      await commands().tsctr(['rm', '-f', id]);
      await expectNoRules(id);
    }
  });

  const start = async (...options: string[]) => {
    const args = ['-d', '--name', 'web', ...options, 'busybox', 'sh', '-c', SERVER];
    const { code, stderr } = await commands().tsrun(args);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  };
  /** Where a port of the container is to be found. */
  const hostPort = async (port: string) => {
    const { stdout } = await commands().tsctr(['port', 'web', port]);
    return Number(/:(\d+)\n/.exec(stdout)?.[1]);
  };

  test('are reached from loopback and from addresses of the host, and are shown', async () => {
    await start('-p', '80');
    const port = await hostPort('80');
    expect(await read('127.0.0.1', port)).toBe('hello\n');
    if (existsSync('/proc/net/if_inet6')) expect(await read('::1', port)).toBe('hello\n');
    const address = hostAddress();
    if (address === undefined) console.log('not tried from outside: no interface but loopback');
    else expect(await read(address, port)).toBe('hello\n');
    const { stdout } = await commands().tsctr(['ps', '--format={{.Ports}}']);
    expect(stdout).toContain(`0.0.0.0:${port}->80/tcp`);
    const inspected = await commands().tsctr([
      ...['inspect', 'web', '--format'],
      '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}',
    ]);
    expect(inspected.stdout).toBe(`${port}\n`);
  });

  test('are reached from other containers, and from the container itself, by an address of the host', async () => {
    await start('-p', '80');
    const port = await hostPort('80');
    const gateway = (
      await commands().tsctr(['inspect', 'web', '--format={{.NetworkSettings.Gateway}}'])
    ).stdout.trim();
    const ask = `for i in 1 2 3 4 5 6 7 8 9; do nc -w 2 ${gateway} ${port} </dev/null && break; sleep 0.1; done`;
    const other = await commands().tsrun(['--rm', 'busybox', 'sh', '-c', ask]);
    expect(other).toMatchObject({ code: 0, stdout: 'hello\n' });
    const self = await commands().tsctr(['exec', 'web', 'sh', '-c', ask]);
    expect(self.stdout).toBe('hello\n');
  });

  test('may be bound to one address, and to the first free one of a range', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const taken = (server.address() as { readonly port: number }).port;
    await start('-p', `127.0.0.1:${taken}-${taken + 5}:80`);
    const port = await hostPort('80');
    server.close();
    expect(port).toBeGreaterThan(taken);
    expect(await read('127.0.0.1', port)).toBe('hello\n');
    const address = hostAddress();
    if (address !== undefined)
      await expect(
        new Promise((resolve, reject) =>
          dial({ host: address, port }, () => resolve('connected')).on('error', reject),
        ),
      ).rejects.toThrow(/ECONNREFUSED/);
  });

  test('carry datagrams there and back', async () => {
    await start('-p', '80/udp');
    const port = await hostPort('80/udp');
    const { stdout: pid } = await commands().tsctr(['inspect', 'web', '--format={{.State.Pid}}']);
    const inside = spawn('nsenter', [`--net=/proc/${pid.trim()}/ns/net`, process.execPath, '-e', ECHO]);
    await once(inside.stdout, 'data');
    for (const address of ['127.0.0.1', hostAddress() ?? '127.0.0.1']) {
      const socket = createSocket('udp4');
      const answer = once(socket, 'message');
      socket.send('ping', port, address);
      const [bytes, from] = (await answer) as [Buffer, RemoteInfo];
      expect([bytes.toString(), from.address, from.port]).toEqual(['ping', address, port]);
      socket.close();
    }
    inside.kill();
  });

  test('a port that somebody has is refused as Docker does, and nothing of the container is left', async () => {
    await start('-p', '80');
    const port = await hostPort('80');
    const { code, stderr } = await commands().tsrun(['--rm', '-p', `${port}:80`, 'busybox', 'true']);
    expect(stderr).toContain(`Bind for 0.0.0.0:${port} failed: port is already allocated`);
    expect(code).toBe(125);
    expect((await commands().tsctr(['ps', '-aq'])).stdout.split('\n').filter(Boolean)).toHaveLength(1);
  });

  test('nothing is left of them when the process that holds them is killed', async () => {
    const child = commands().start('tsrun', ['--name', 'web', '-p', '80', 'busybox', 'sh', '-c', SERVER]);
    for (let attempt = 0; attempt < 100 && Number.isNaN(await hostPort('80')); attempt++) await delay(50);
    const port = await hostPort('80');
    expect(await read('127.0.0.1', port)).toBe('hello\n');
    const { stdout: id } = await commands().tsctr(['ps', '-q', '--no-trunc']);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    // Its rules may be gone a moment before its sockets.
    await ended;
    await expectNoRules(id.trim());
    await expect(
      new Promise((resolve, reject) =>
        dial({ host: '127.0.0.1', port }, () => resolve('connected')).on('error', reject),
      ),
    ).rejects.toThrow(/ECONNREFUSED/);
  });
});
