import { describe, expect, test } from 'vitest';
import { findPackages, spdxDocument } from '../../../src/attest/sbom.ts';
import { MemoryTree } from '../../support/memory-tree.ts';

const DEBIAN = { '/etc/os-release': 'ID=debian\nVERSION_ID="12"\n' };
const ALPINE = { '/etc/os-release': "ID=alpine\nVERSION_ID='3.20.1'\n" };
const purls = (sketch: ConstructorParameters<typeof MemoryTree>[0]) =>
  findPackages(new MemoryTree(sketch)).map(({ purl }) => purl);

describe('findPackages()', () => {
  test('reads dpkg’s status: what is installed, epochs and architectures included', () => {
    const status = [
      'Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13+b1\nDescription: x\n more\n Package: no',
      'Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1',
      'Package: nameless\nStatus: install ok installed',
    ].join('\n\n');
    expect(purls({ ...DEBIAN, '/var/lib/dpkg/status': status })).toEqual([
      'pkg:deb/debian/zlib1g@1:1.2.13%2Bb1?arch=amd64&distro=debian-12',
    ]);
  });

  test('reads status.d of images without dpkg, and not the sums beside', () => {
    const files = {
      '/var/lib/dpkg/status.d/base': 'Package: base-files\nVersion: 12.4\nArchitecture: amd64\n',
      '/var/lib/dpkg/status.d/base.md5sums': 'Package: no\nVersion: 1\n',
    };
    expect(purls({ ...DEBIAN, ...files })).toEqual([
      'pkg:deb/debian/base-files@12.4?arch=amd64&distro=debian-12',
    ]);
  });

  test('reads apk’s database, with licences', () => {
    const installed =
      'C:Q1\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nm:Someone <a@b.test>\nF:lib\nR:ld\nP:file-not-package\n\nP:busybox\nV:1.36\nA:x86_64\n\n';
    const found = findPackages(new MemoryTree({ ...ALPINE, '/lib/apk/db/installed': installed }));
    expect(found.map(({ purl, license }) => [purl, license])).toEqual([
      ['pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1', 'MIT'],
      ['pkg:apk/alpine/busybox@1.36?arch=x86_64&distro=alpine-3.20.1', undefined],
    ]);
  });

  test('finds npm packages wherever they are, scoped ones too, and passes over what is none', () => {
    const manifest = (name: string, version: string) => JSON.stringify({ name, version, license: 'ISC' });
    expect(
      purls({
        '/app/package.json': manifest('app', '1.0.0'),
        '/app/node_modules/a/package.json': manifest('a', '1.2.3'),
        '/app/node_modules/@s/b/package.json': manifest('@s/b', '2.0.0'),
        '/app/node_modules/a/node_modules/c/package.json': manifest('c', '3.0.0-rc.1'),
        '/app/node_modules/a/test/fixtures/package.json': manifest('fixture', '1.0.0'),
        '/app/node_modules/broken/package.json': '{',
        '/app/node_modules/odd/package.json': manifest('../../etc', '1'),
        '/app/node_modules/linked': { type: 'symlink', target: '/etc' },
      }),
    ).toEqual(['pkg:npm/%40s/b@2.0.0', 'pkg:npm/c@3.0.0-rc.1', 'pkg:npm/a@1.2.3']);
  });

  test('takes nothing from files that are none, or too large, and from links that go round', () => {
    expect(
      purls({
        '/etc/os-release': { type: 'symlink', target: '/etc/os-release' },
        '/var/lib/dpkg/status': { type: 'fifo' },
        '/lib/apk/db/installed': { type: 'directory' },
        '/node_modules/big/package.json': ' '.repeat((1 << 20) + 1),
      }),
    ).toEqual([]);
  });
});

test('spdxDocument() is SPDX 2.3: unique ids, a purl each, and the same for the same packages', () => {
  const packages = findPackages(
    new MemoryTree({
      ...ALPINE,
      '/lib/apk/db/installed':
        'P:a\nV:1\nL:GPL-2.0-or-later AND MIT\nm:X <x@y.test>\n\nP:b\nV:1\nL:see file!\n',
    }),
  );
  const subject = { name: 'docker.io/library/x:1', created: new Date(0), toolVersion: '1' };
  const document = JSON.parse(JSON.stringify(spdxDocument(packages, subject)));
  expect(document).toEqual(JSON.parse(JSON.stringify(spdxDocument(packages, subject))));
  expect(document).toMatchObject({
    spdxVersion: 'SPDX-2.3',
    SPDXID: 'SPDXRef-DOCUMENT',
    creationInfo: { created: '1970-01-01T00:00:00Z' },
  });
  const [root, a, b] = document.packages;
  expect(new Set([root, a, b].map(({ SPDXID }) => SPDXID)).size).toBe(3);
  expect(a).toMatchObject({
    licenseDeclared: 'GPL-2.0-or-later AND MIT',
    supplier: 'Organization: X (x@y.test)',
  });
  expect(b.licenseDeclared).toBe('NOASSERTION');
  expect(document.relationships).toHaveLength(3);
});
