import { describe, expect, test } from 'vitest';
import { familiarName, formatReference, parseReference, StoreError } from '../../../layers/index.ts';

const hex = 'a'.repeat(64);
const digest = `sha256:${hex}`;

/** Input, normal form, what Docker shows. */
const good: readonly (readonly [text: string, whole: string, familiar: string])[] = [
  ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['index.docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['index.docker.io/user/app', 'docker.io/user/app:latest', 'user/app:latest'],
  ['user/app', 'docker.io/user/app:latest', 'user/app:latest'],
  ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
  ['localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
  ['localhost:5000/app:v1', 'localhost:5000/app:v1', 'localhost:5000/app:v1'],
  ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c:latest', '127.0.0.1:5000/a/b/c:latest'],
  ['[2001:db8::1]:5000/app', '[2001:db8::1]:5000/app:latest', '[2001:db8::1]:5000/app:latest'],
  ['Host/app', 'Host/app:latest', 'Host/app:latest'],
  ['quay.io/a.b/c__d/e---f', 'quay.io/a.b/c__d/e---f:latest', 'quay.io/a.b/c__d/e---f:latest'],
  ['localhost', 'docker.io/library/localhost:latest', 'localhost:latest'],
  ['foo.bar', 'docker.io/library/foo.bar:latest', 'foo.bar:latest'],
  [`busybox@${digest}`, `docker.io/library/busybox@${digest}`, `busybox@${digest}`],
  [`busybox:1@${digest}`, `docker.io/library/busybox:1@${digest}`, `busybox:1@${digest}`],
  [
    `busybox:${'t'.repeat(128)}`,
    `docker.io/library/busybox:${'t'.repeat(128)}`,
    `busybox:${'t'.repeat(128)}`,
  ],
  [`quay.io/${'p'.repeat(255)}`, `quay.io/${'p'.repeat(255)}:latest`, `quay.io/${'p'.repeat(255)}:latest`],
  // Looks like a digest, and is a tag.
  [`sha256:${hex}`, `docker.io/library/sha256:${hex}`, `sha256:${hex}`],
];

const bad: readonly string[] = [
  '',
  hex,
  'Busybox',
  'user/App',
  'busybox:',
  'busybox:ü',
  'busybox:.tag',
  'busybox:-tag',
  'busybox@',
  `busybox:${'t'.repeat(129)}`,
  `quay.io/${'p'.repeat(256)}`,
  'a'.repeat(1025),
  'busybox@sha256:abc',
  `busybox@sha256:${'A'.repeat(64)}`,
  `busybox@md5:${'a'.repeat(32)}`,
  `busybox@${digest}@${digest}`,
  `busybox@${digest}:tag`,
  '/busybox',
  'busybox/',
  'a//b',
  '../etc',
  'a/../b',
  'a/./b',
  'a._b',
  'a___b',
  '-a',
  'a-',
  'quay.io/',
  'quay.io:x/app',
  '-host.io/app',
  'ho st.io/app',
  'https://quay.io/app',
  'quay.io/app\n',
  'busybox\0',
  'foo:tag/bar',
  'quay.io/app:tag/more',
];

describe('parseReference()', () => {
  test.each(good)('reads %s', (text, whole) => {
    expect(formatReference(parseReference(text))).toBe(whole);
  });

  test.each(good)('yields the same reference from the normal form of %s', (text) => {
    const reference = parseReference(text);
    expect(parseReference(formatReference(reference))).toEqual(reference);
  });

  test.each(bad)('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(StoreError);
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'INVALID_REFERENCE' }));
  });

  test('keeps the parts apart', () => {
    expect(parseReference(`127.0.0.1:5000/a/b:c@${digest}`)).toEqual({
      domain: '127.0.0.1:5000',
      path: 'a/b',
      tag: 'c',
      digest,
    });
  });

  test('takes no noticeable time for names made to be slow', () => {
    const start = performance.now();
    for (const text of [
      `${'a'.repeat(1000)}!/b`,
      `${'a-'.repeat(500)}/b`,
      `x.${'a.'.repeat(500)}/b`,
      '_'.repeat(1000),
    ])
      expect(() => parseReference(text)).toThrow(StoreError);
    expect(performance.now() - start).toBeLessThan(100);
  });
});

describe('familiarName()', () => {
  test.each(good)('shortens %s as Docker does', (text, _, familiar) => {
    expect(familiarName(parseReference(text))).toBe(familiar);
  });
});
