import { describe, expect, test } from 'vitest';
import {
  addressIn,
  contains,
  formatIp,
  formatSubnet,
  ipBytes,
  ipOf,
  overlaps,
  parseIp,
  parseSubnet,
} from '../../../src/network/address.ts';

describe('parseIp() and formatIp()', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:0:0:0:0:2', 'fd00::2'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['1000::10:0:0:100', '1000::10:0:0:100'],
  ])('read %s', (text, written) => expect(formatIp(parseIp(text)!)).toBe(written));

  test.each(['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', 'a', '::1::', ':1', '1:2', '12345::', '::g'])(
    'refuse %j',
    (text) => expect(parseIp(text)).toBeUndefined(),
  );

  test('go through bytes and back', () => {
    for (const text of ['192.0.2.1', '2001:db8::1'])
      expect(formatIp(ipOf(ipBytes(parseIp(text)!)))).toBe(text);
  });
});

test('parseSubnet() takes away what is behind the prefix, and refuses what is none', () => {
  expect(formatSubnet(parseSubnet('10.1.2.3/16')!)).toBe('10.1.0.0/16');
  expect(formatSubnet(parseSubnet('fd00::1/64')!)).toBe('fd00::/64');
  for (const text of ['10.0.0.0', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/', '10.0.0.0/8/8'])
    expect(parseSubnet(text)).toBeUndefined();
});

test('addressIn() counts from both ends', () => {
  const subnet = parseSubnet('192.0.2.0/24')!;
  expect(formatIp(addressIn(subnet, 1))).toBe('192.0.2.1');
  expect(formatIp(addressIn(subnet, -1))).toBe('192.0.2.255');
});

test('contains() and overlaps() look at one family', () => {
  const subnet = parseSubnet('192.0.2.0/24')!;
  expect(contains(subnet, parseIp('192.0.2.9')!)).toBe(true);
  expect(contains(subnet, parseIp('192.0.3.9')!)).toBe(false);
  expect(contains(parseSubnet('::/0')!, parseIp('192.0.2.9')!)).toBe(false);
  expect(overlaps(subnet, parseSubnet('192.0.0.0/16')!)).toBe(true);
  expect(overlaps(subnet, parseSubnet('::/0')!)).toBe(false);
});
