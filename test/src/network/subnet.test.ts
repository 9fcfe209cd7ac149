import { expect, test } from 'vitest';
import { parseIpv4 } from '../../../src/network/links.ts';
import { freeSubnet } from '../../../src/network/subnet.ts';

const route = (address: string, prefix: number) => ({ base: parseIpv4(address), prefix });

test('freeSubnet() passes over subnets that a route overlaps, larger or smaller', () => {
  expect(freeSubnet([])).toEqual(route('172.30.0.0', 16));
  expect(freeSubnet([route('172.30.5.0', 24)])).toEqual(route('172.29.0.0', 16));
  expect(freeSubnet([route('172.16.0.0', 12)])).toEqual(route('10.230.0.0', 16));
});

test('freeSubnet() throws when every private network is routed', () => {
  expect(() => freeSubnet([route('172.16.0.0', 12), route('10.0.0.0', 8)])).toThrow(/routed elsewhere/);
});
