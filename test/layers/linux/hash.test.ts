import { createHash as createNodeHash } from 'node:crypto';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createHash, type FindFunction, type Hashes, hashesBy } from '../../../layers/linux/hash.ts';
import { koffi } from '../../../layers/linux/koffi.ts';

const missing: FindFunction = (name) => {
  throw new Error(`Cannot find function '${name}'`);
};
/** Has the right names, and hashes nothing. */
const wrong: FindFunction = () => () => 1;

const ways: readonly (readonly [string, Hashes])[] = [
  ['by the functions of OpenSSL', createHash],
  ['where they are missing', hashesBy(missing)],
  ['where they are something else', hashesBy(wrong)],
];

const expected = (data: Uint8Array | string) => createNodeHash('sha256').update(data).digest('hex');

describe.each(ways)('createHash() %s', (_, hashes) => {
  test('gives the sha256 of bytes and text of any length', () => {
    expect(hashes('sha256').digest('hex')).toBe(expected(''));
    const bytes = Buffer.from(Array.from({ length: 200 }, (_, index) => index));
    for (let length = 0; length <= bytes.length; length++)
      expect(hashes('sha256').update(bytes.subarray(0, length)).digest('hex'), `${length}`).toBe(
        expected(bytes.subarray(0, length)),
      );
    expect(hashes('sha256').update('größe 🐳\0').digest('hex')).toBe(expected('größe 🐳\0'));
  });

  test('gives the same however the bytes come, when other hashes are made meanwhile', () => {
    const pieces = ['', 'a', 'b'.repeat(63), Buffer.alloc(64, 3), Buffer.alloc(100_001, 4), ''];
    const one = hashes('sha256');
    const other = hashes('sha256').update('other');
    for (const piece of pieces) {
      one.update(piece);
      other.update('x').update(hashes('sha256').update(piece).digest());
    }
    expect(one.digest('hex')).toBe(expected(Buffer.concat(pieces.map((piece) => Buffer.from(piece)))));
    expect(other.digest()).toHaveLength(32);
  });

  test('reads views: with an offset, small ones, and memory shared with threads', () => {
    const small = new Uint8Array([9, 8, 7, 6]);
    const shared = new Uint8Array(new SharedArrayBuffer(5000), 3, 4000).fill(5);
    for (const view of [small, small.subarray(1, 3), new Uint8Array(0), Buffer.from(shared), shared])
      expect(hashes('sha256').update(view).digest('hex')).toBe(expected(new Uint8Array(view)));
  });

  test('throws when something is added or asked after the digest', () => {
    const hash = hashes('sha256');
    hash.digest();
    expect(() => hash.update('more')).toThrow();
    expect(() => hash.digest('hex')).toThrow();
  });

  test('gives the sha512 too', () => {
    expect(hashes('sha512').update('text').digest('hex')).toBe(
      createNodeHash('sha512').update('text').digest('hex'),
    );
  });
});

test('createHash() keeps hashes apart that are collected while others are made', () => {
  for (let index = 0; index < 20_000; index++) createHash('sha256').update(`${index}`);
  expect(createHash('sha256').update('at last').digest('hex')).toBe(expected('at last'));
});

test('hashesBy() takes the functions of this Node, which exports them', () => {
  const found: string[] = [];
  hashesBy((name, result, parameters) => {
    const call = koffi().load(null).func(name, result, parameters);
    found.push(name);
    return call;
  });
  expect(found).toEqual(['SHA256_Init', 'SHA256_Update', 'SHA256_Final']);
});

test.each([
  ['NODE_OPTIONS', '--max-old-space-size=100 --force-fips'],
  ['NODE_OPTIONS', '--openssl-config=/etc/ssl/fips.cnf'],
  ['OPENSSL_CONF', '/etc/ssl/fips.cnf'],
])('hashesBy() leaves hashing to node:crypto where %s says %j', (name, value) => {
  vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const find = vi.fn(missing);
  expect(hashesBy(find)('sha256').update('text').digest('hex')).toBe(expected('text'));
  expect(find).not.toHaveBeenCalled();
});
