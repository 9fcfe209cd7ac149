import { expect, test } from 'vitest';
import { formatSubnet, parseSubnet } from '../../../src/network/address.ts';
import { findOverlap, freeSubnet, uniqueLocalSubnet } from '../../../src/network/subnet.ts';

const subnets = (...texts: readonly string[]) => texts.map((text) => parseSubnet(text)!);

test('freeSubnet() passes over subnets that a route overlaps, larger or smaller', () => {
  const free = (...taken: readonly string[]) => formatSubnet(freeSubnet(subnets(...taken)));
  expect(free()).toBe('172.30.0.0/16');
  expect(free('172.30.5.0/24')).toBe('172.29.0.0/16');
  expect(free('172.16.0.0/12')).toBe('10.230.0.0/16');
});

test('freeSubnet() throws when every private network is routed', () => {
  expect(() => freeSubnet(subnets('172.16.0.0/12', '10.0.0.0/8'))).toThrow(/routed elsewhere/);
});

test('uniqueLocalSubnet() is a /64 of fd00::/8 that follows from the id', () => {
  expect(formatSubnet(uniqueLocalSubnet('0123456789abcdef'))).toBe('fd01:2345:6789:abcd::/64');
});

test('findOverlap() names the subnet that is in the way, of the same family alone', () => {
  const taken = subnets('10.0.0.0/8', 'fd00::/8');
  expect(findOverlap(parseSubnet('10.1.0.0/16')!, taken)).toBe('10.0.0.0/8');
  expect(findOverlap(parseSubnet('192.0.2.0/24')!, taken)).toBeUndefined();
});
