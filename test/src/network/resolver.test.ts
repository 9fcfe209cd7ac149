import { expect, test } from 'vitest';
import { formatResolvConf, parseResolvConf } from '../../../src/network/resolver.ts';

test('parseResolvConf() reads servers, the last search list and options, and skips comments', () => {
  const text =
    '# made by hand\nnameserver 10.0.0.1\nnameserver ::1 ; local\nsearch a.example\nsearch b.example c.example\noptions ndots:2\noptions timeout:1\n';
  expect(parseResolvConf(text)).toEqual({
    nameservers: ['10.0.0.1', '::1'],
    search: ['b.example', 'c.example'],
    options: ['ndots:2', 'timeout:1'],
  });
});

test('formatResolvConf() writes what parseResolvConf() reads', () => {
  const resolver = { nameservers: ['192.0.2.1'], search: ['example'], options: ['ndots:1'] };
  expect(parseResolvConf(formatResolvConf(resolver))).toEqual(resolver);
});
