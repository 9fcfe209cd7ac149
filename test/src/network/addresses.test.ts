import { expect, test } from 'vitest';
import { addressIn, formatIp, parseIp, parseSubnet } from '../../../src/network/address.ts';
import { type AddressRequest, giveBack, holdAddress } from '../../../src/network/addresses.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function request(changes: Partial<AddressRequest> = {}): AddressRequest {
  const subnet = parseSubnet('192.0.2.0/29')!;
  return { directory: tempFolder(), subnet, gateway: addressIn(subnet, 1), ...changes };
}

const hold = (of: AddressRequest) => {
  const held = holdAddress(of);
  return held && { ...held, text: formatIp(held.address) };
};

test('holdAddress() gives each address once, never the network’s, the gateway’s or the broadcast’s', () => {
  const of = request();
  expect(Array.from({ length: 5 }, () => hold(of)?.text)).toEqual([2, 3, 4, 5, 6].map((n) => `192.0.2.${n}`));
  expect(() => hold(of)).toThrow('No address is free in 192.0.2.0/29');
});

test('holdAddress() takes one again that was released', () => {
  const of = request();
  const first = hold(of)!;
  expect(hold(of)?.text).toBe('192.0.2.3');
  first.release();
  expect(hold(of)?.text).toBe('192.0.2.2');
});

test('holdAddress() takes the wanted one or none, and free ones only from the range', () => {
  const of = request({ range: parseSubnet('192.0.2.4/30')! });
  expect(hold(of)?.text).toBe('192.0.2.4');
  expect(hold({ ...of, wanted: parseIp('192.0.2.3')! })?.text).toBe('192.0.2.3');
  expect(hold({ ...of, wanted: parseIp('192.0.2.4')! })).toBeUndefined();
  expect(hold({ ...of, wanted: parseIp('192.0.2.1')! })).toBeUndefined();
});

test('handOver() keeps an address as long as a process lives, or until it is given back', () => {
  const of = request();
  hold(of)!.handOver(process.pid);
  const second = hold(of)!;
  expect(second.text).toBe('192.0.2.3');
  second.handOver(2 ** 22 - 1);
  expect(hold(of)?.text).toBe('192.0.2.3');
  giveBack(of.directory, parseIp('192.0.2.2')!);
  expect(hold(of)?.text).toBe('192.0.2.2');
});
