import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type NetworkFilesInput, networkFiles } from '../../../src/runtime/network-files.ts';

const INPUT: NetworkFilesInput = {
  hostname: 'box',
  addresses: ['172.30.0.2'],
  gateway: '172.30.0.1',
  sharesHostNetwork: false,
  extraHosts: [],
  readonly: false,
};

function file(path: string, changes: Partial<NetworkFilesInput> = {}): string {
  return networkFiles({ ...INPUT, ...changes }).find((each) => each.path === path)!.content;
}

test('networkFiles() gives /etc/hosts Docker’s content, then the hosts asked for, then the own name', () => {
  const extraHosts = [
    { host: 'a', ip: '192.0.2.1' },
    { host: 'gate', ip: 'host-gateway' },
  ];
  expect(file('/etc/hosts', { extraHosts })).toBe(
    '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n' +
      'ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n192.0.2.1\ta\n172.30.0.1\tgate\n172.30.0.2\tbox\n',
  );
});

test.each([
  ['box', undefined, 'box'],
  ['box.example.com', undefined, 'box.example.com box'],
  ['box', 'example.com', 'box.example.com box'],
])('networkFiles() names host %s of domain %s', (hostname, domainname, expected) => {
  const text = file('/etc/hosts', { hostname, ...(domainname !== undefined && { domainname }) });
  expect(text).toMatch(new RegExp(`\t${expected}\n$`));
});

test('networkFiles() takes the host’s own /etc/hosts with its network', () => {
  const text = file('/etc/hosts', {
    sharesHostNetwork: true,
    addresses: [],
    extraHosts: [{ host: 'a', ip: '192.0.2.1' }],
  });
  expect(text).toBe(`${readFileSync('/etc/hosts', 'utf8').replace(/\n*$/, '\n')}192.0.2.1\ta\n`);
});

test('networkFiles() lets name servers be replaced one kind at a time', () => {
  expect(
    file('/etc/resolv.conf', { dns: ['192.0.2.53'], dnsSearch: ['example.com'], dnsOptions: ['ndots:2'] }),
  ).toBe('nameserver 192.0.2.53\nsearch example.com\noptions ndots:2\n');
  expect(file('/etc/resolv.conf', { dns: ['192.0.2.53'], dnsSearch: ['.'] })).not.toContain('search');
});

test('networkFiles() are as writable as the root', () => {
  expect(networkFiles({ ...INPUT, readonly: true }).every(({ readonly }) => readonly)).toBe(true);
});
