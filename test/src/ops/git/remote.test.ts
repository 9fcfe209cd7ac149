import { expect, test } from 'vitest';
import { checkRef, isCommit, parseRemote } from '../../../../src/ops/git/remote.ts';

test.each([
  ['https://example.com/a/b.git', 'https://example.com/a/b.git'],
  ['https://example.com:8443/a.git#x', 'https://example.com:8443/a.git'],
  ['git://example.com/a.git', 'git://example.com/a.git'],
  ['ssh://git@example.com/a.git', 'ssh://git@example.com/a.git'],
  ['ssh://git:secret@example.com:22/a.git', 'ssh://git@example.com:22/a.git'],
  ['git@example.com:a/b.git', 'git@example.com:a/b.git'],
  ['http://[::1]:80/a.git', 'http://[::1]/a.git'],
])('parseRemote() takes %s', (text, address) => {
  expect(parseRemote(text)).toEqual({ address });
});

test('parseRemote() makes user and password of an http URL a header for its origin', () => {
  expect(parseRemote('https://me:s%40crt@example.com:8443/a.git')).toEqual({
    address: 'https://example.com:8443/a.git',
    authorization: {
      origin: 'https://example.com:8443/',
      header: `Authorization: Basic ${Buffer.from('me:s@crt').toString('base64')}`,
    },
  });
});

test.each([
  'file:///etc',
  'ext::sh -c touch% canary',
  'ext::sh://x/y',
  'fd://17/foo',
  '/etc/repo.git',
  './repo.git',
  '-oProxyCommand=x',
  '--upload-pack=x',
  'ssh://-oProxyCommand=x/a.git',
  'ssh://git@-oProxyCommand=x/a.git',
  'ssh://-x@example.com/a.git',
  'git@-oProxyCommand=x:a.git',
  '-x@example.com:a.git',
  'git@example.com:-x',
  'git@example.com::x',
  'https:///a.git',
  'https://example.com',
  'https://example.com/-x',
  'ssh://example.com/-x',
  'https://exa mple.com/a.git',
  'https://example.com/a\n.git',
  'https://example.com/a\0.git',
  'git@example.com:a\tb',
  '',
])('parseRemote() refuses %j', (text) => {
  expect(() => parseRemote(text)).toThrow(/Invalid git repository|is not allowed/);
});

test('parseRemote() refuses what the caller does not allow, and shows no password', () => {
  expect(() => parseRemote('http://me:s3cret@example.com/a.git', ['https'])).toThrow(
    'Cannot read the git repository http://example.com/a.git: the protocol "http" is not allowed',
  );
  expect(() => parseRemote('git@example.com:a.git', ['https'])).toThrow('"ssh" is not allowed');
});

test.each(['main', 'v1.2.3', 'refs/heads/a/b', 'feature/x-y_z', 'a@b', '1.x', 'a+b'])(
  'checkRef() takes %s',
  (ref) => {
    expect(checkRef(ref)).toBe(ref);
  },
);

test.each([
  '',
  '-x',
  '--upload-pack=touch canary',
  '.x',
  '/x',
  'a..b',
  'a/../b',
  'a//b',
  'a/.b',
  'a b',
  'a\nb',
  'a\0b',
  'a~1',
  'a^{commit}',
  'a:b',
  'a?',
  'a*',
  'a[',
  'a\\b',
  '@{u}',
  'a@{1}',
  'a.lock',
  'a.lock/b',
  'a.',
  'a/',
  '+refs/heads/x',
  'x'.repeat(2000),
])('checkRef() refuses %j', (ref) => {
  expect(() => checkRef(ref)).toThrow('Invalid git ref');
});

test('isCommit() knows whole hashes only', () => {
  expect(
    ['a'.repeat(40), 'a'.repeat(64), 'a'.repeat(39), 'A'.repeat(40), 'g'.repeat(40)].map(isCommit),
  ).toEqual([true, true, false, false, false]);
});
