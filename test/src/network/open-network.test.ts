import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { NetworkNamespace } from '../../../src/network/network.ts';
import { openBridgeNetwork } from '../../../src/network/open-network.ts';

const open: NetworkNamespace[] = [];

function network(): NetworkNamespace {
  const namespace = openBridgeNetwork();
  open.push(namespace);
  return namespace;
}

afterEach(() => {
  for (const namespace of open.splice(0)) namespace.close();
});

const inside = ({ path }: NetworkNamespace, ...command: string[]) =>
  execFileSync('nsenter', [`--net=${path}`, ...command], { encoding: 'utf8' });

test('openBridgeNetwork() gives lo and eth0, both up, and a default route', () => {
  const namespace = network();
  expect(inside(namespace, 'ls', '/proc/self/net/dev_snmp6').split('\n').filter(Boolean).sort()).toEqual([
    'eth0',
    'lo',
  ]);
  const routes = inside(namespace, 'cat', '/proc/self/net/route').split('\n');
  expect(routes.some((line) => /^eth0\t00000000\t/.test(line))).toBe(true);
});

test('openBridgeNetwork() reaches a server on the gateway', async () => {
  const namespace = network();
  const server = createServer((_, response) => response.end('hello')).listen(0, '0.0.0.0');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const { execFile } = await import('node:child_process');
  const body = await new Promise<string>((resolve, reject) => {
    const script = `exec 3<>/dev/tcp/${namespace.endpoints[0]?.gateways[0]}/${port}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`;
    execFile('nsenter', [`--net=${namespace.path}`, 'bash', '-c', script], (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
  server.close();
  expect(body).toMatch(/hello$/);
});

test('openBridgeNetwork() never gives one address twice while both are open, and takes a closed one again', () => {
  const [a, b] = [network(), network()];
  const addresses = ({ endpoints }: NetworkNamespace) => endpoints.flatMap((endpoint) => endpoint.addresses);
  expect(addresses(a)).not.toEqual(addresses(b));
  a.close();
  expect(addresses(network())).toEqual(addresses(a));
});

test('close() leaves no interface on the host', async () => {
  const links = () =>
    execFileSync('ls', ['/sys/class/net'], { encoding: 'utf8' })
      .split('\n')
      .filter((name) => name.startsWith('tsv'));
  const before = links();
  const namespace = openBridgeNetwork();
  expect(links().some((name) => !before.includes(name))).toBe(true);
  namespace.close();
  // The kernel takes namespaces apart in the background.
  for (let i = 0; i < 100 && links().some((name) => !before.includes(name)); i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(links().filter((name) => !before.includes(name))).toEqual([]);
});
