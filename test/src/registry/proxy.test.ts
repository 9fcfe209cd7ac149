import { describe, expect, test } from 'vitest';
import { isLoopback, proxyFor } from '../../../src/registry/proxy.ts';

const proxies = { HTTP_PROXY: 'http://plain:1', https_proxy: 'tls-proxy:2' };

describe('proxyFor()', () => {
  test('takes the variable of the scheme, in either case, with or without a scheme of its own', () => {
    expect(proxyFor(new URL('http://a.test/'), proxies)?.href).toBe('http://plain:1/');
    expect(proxyFor(new URL('https://a.test/'), proxies)?.href).toBe('http://tls-proxy:2/');
    expect(proxyFor(new URL('https://a.test/'), {})).toBeUndefined();
  });

  test.each(['localhost', '127.0.0.1', '127.9.9.9', '[::1]'])('never sends %s through a proxy', (host) => {
    expect(proxyFor(new URL(`http://${host}:5000/`), proxies)).toBeUndefined();
    expect(isLoopback(host)).toBe(true);
  });

  test.each([
    ['*', 'a.test', true],
    ['a.test', 'a.test', true],
    ['a.test', 'b.a.test', true],
    ['a.test', 'evila.test', false],
    ['.a.test', 'b.a.test', true],
    ['.a.test', 'a.test', false],
    ['*.a.test', 'b.a.test', true],
    ['a.test:443', 'a.test', true],
    ['a.test:8443', 'a.test', false],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['10.0.0.0/99', '10.1.2.3', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['fd00::/8', '[fd00::1]', true],
    ['x.test, a.test ', 'a.test', true],
  ])('reads NO_PROXY=%s for %s as %s', (noProxy, host, excluded) => {
    const found = proxyFor(new URL(`https://${host}/`), { ...proxies, NO_PROXY: noProxy });
    expect(found === undefined).toBe(excluded);
  });

  test.each(['http://[bad', 'http://u:p%@x:1'])('refuses %s without showing it', (text) => {
    const ask = () => proxyFor(new URL('https://r.example/'), { HTTPS_PROXY: text });
    expect(ask).toThrow(/^HTTPS_PROXY is not an address of a proxy$/);
  });

  test('refuses a proxy of a scheme it does not speak', () => {
    expect(() => proxyFor(new URL('http://a.test/'), { HTTP_PROXY: 'socks5://x:1' })).toThrow(/scheme/);
  });
});
