import { expect, test } from 'vitest';
import type { Digest } from '../../../layers/index.ts';
import { imageMaterial, imagePurl, sourceMaterial, uniqueMaterials } from '../../../src/attest/materials.ts';

const LINUX = { os: 'linux', architecture: 'arm64', variant: 'v8' };

test.each([
  ['busybox', 'pkg:docker/busybox@latest?platform='],
  ['docker.io/library/busybox:1', 'pkg:docker/busybox@1?platform='],
  ['me/app:v1', 'pkg:docker/me/app@v1?platform='],
  ['ghcr.io/me/app:v1', 'pkg:docker/ghcr.io/me/app@v1?platform='],
  ['127.0.0.1:5000/a', 'pkg:docker/127.0.0.1:5000/a@latest?platform='],
])('imagePurl() writes %s as BuildKit does', (name, expected) => {
  expect(imagePurl(name, LINUX)).toMatch(new RegExp(`^${expected.replace('?', '\\?')}linux%2Farm64`));
});

test('sourceMaterial() tells commits and files by their digests, and no passwords', () => {
  const git = {
    type: 'git',
    remote: 'https://user:token@example.test/a.git',
    ref: 'v1',
    keepGitDir: false,
  } as const;
  expect(sourceMaterial(git, 'a'.repeat(40))).toEqual({
    uri: 'https://example.test/a.git#v1',
    digest: { sha1: 'a'.repeat(40) },
  });
  expect(
    sourceMaterial({ type: 'http', url: 'https://u:p@example.test/f' }, `sha256:${'b'.repeat(64)}`),
  ).toEqual({
    uri: 'https://example.test/f',
    digest: { sha256: 'b'.repeat(64) },
  });
});

test('uniqueMaterials() has each once, in an order of its own', () => {
  const a = imageMaterial('a', `sha256:${'1'.repeat(64)}` as Digest, LINUX);
  const b = imageMaterial('b', `sha256:${'2'.repeat(64)}` as Digest, LINUX);
  expect(uniqueMaterials([b, a, b])).toEqual([a, b]);
});
