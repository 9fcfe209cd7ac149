import type { LookupAddress } from 'node:dns';
import { describe, expect, test } from 'vitest';
import { AddressPolicy, isPrivateAddress } from '../../../src/registry/address-policy.ts';

describe('isPrivateAddress()', () => {
  test.each([
    '127.0.0.1',
    '10.1.1.1',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1%eth0',
    'fd12::1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '64:ff9b::10.0.0.1',
  ])('is true for %s', (address) => expect(isPrivateAddress(address)).toBe(true));

  test.each(['192.0.2.1', '8.8.8.8', '172.32.0.1', '2001:db8::1', '::ffff:8.8.8.8'])(
    'is false for %s',
    (address) => expect(isPrivateAddress(address)).toBe(false),
  );
});

describe('AddressPolicy.lookupFor()', () => {
  const publicRegistry = new AddressPolicy(new URL('https://192.0.2.1/v2/'));

  test('leaves the registry itself and a private registry alone', async () => {
    expect(await publicRegistry.lookupFor(new URL('https://192.0.2.1:8443/'))).toBeUndefined();
    const local = new AddressPolicy(new URL('http://127.0.0.1:5000/v2/'));
    await local.lookupFor(new URL('http://10.0.0.1/'));
  });

  test.each(['http://169.254.169.254/', 'http://[fe80::1]/', 'http://[::ffff:169.254.169.254]/'])(
    'refuses %s when a private registry names it, too',
    async (url) => {
      const local = new AddressPolicy(new URL('http://127.0.0.1:5000/v2/'));
      await expect(local.lookupFor(new URL(url))).rejects.toMatchObject({ code: 'EPRIVATE' });
    },
  );

  test.each([
    'http://127.0.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://[::1]/',
    'http://2130706433/',
  ])('refuses %s when a public registry names it', async (url) => {
    await expect(publicRegistry.lookupFor(new URL(url))).rejects.toMatchObject({ code: 'EPRIVATE' });
  });

  test('refuses a name when its addresses are looked up and one of them is private', async () => {
    const lookup = await publicRegistry.lookupFor(new URL('https://localhost/'));
    const answer = await new Promise<{ error: unknown; addresses: unknown }>((resolve) => {
      lookup?.('localhost', { all: true }, (error, addresses) =>
        resolve({ error, addresses: addresses as string | LookupAddress[] }),
      );
    });
    expect(answer.error).toMatchObject({ code: 'EPRIVATE' });
  });
});
