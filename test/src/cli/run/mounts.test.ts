import { describe, expect, test } from 'vitest';
import {
  parseMountOption,
  parseTmpfsOption,
  parseVolumeOption,
  parseVolumesFrom,
} from '../../../../src/cli/run/mounts.ts';

const here = process.cwd();

describe('parseVolumeOption()', () => {
  test.each([
    ['/data', { type: 'volume', target: '/data', readonly: false, copy: true }],
    ['name:/data', { type: 'volume', name: 'name', target: '/data', readonly: false, copy: true }],
    ['name:/data:ro,nocopy', { type: 'volume', name: 'name', target: '/data', readonly: true, copy: false }],
    ['/a:/b/../c/', { type: 'bind', source: '/a', target: '/c', readonly: false, createSource: true }],
    ['./a:/b:ro,z', { type: 'bind', source: `${here}/a`, target: '/b', readonly: true, createSource: true }],
    ['.:/b', { type: 'bind', source: here, target: '/b', readonly: false, createSource: true }],
  ])('reads %s', (text, expected) => expect(parseVolumeOption(text)).toEqual(expected));

  test.each([
    ['a:b:c:d', 'invalid volume specification'],
    [':/m', 'empty section between colons'],
    ['/a:', 'empty section between colons'],
    ['/a:b', "'/a:b': invalid mount path: 'b'"],
    ['/a:/', "destination can't be '/'"],
    ['/a:/b:wrong', 'invalid mode: wrong'],
  ])('refuses %s', (text, message) => expect(() => parseVolumeOption(text)).toThrow(message));
});

describe('parseMountOption()', () => {
  test.each([
    [
      'type=bind,source=/a,target=/b,readonly',
      { type: 'bind', source: '/a', target: '/b', readonly: true, createSource: false, recursive: true },
    ],
    [
      'type=bind,src=/a,dst=/b,ro=false,bind-nonrecursive,bind-propagation=rprivate',
      { type: 'bind', source: '/a', target: '/b', readonly: false, createSource: false, recursive: false },
    ],
    ['target=/b', { type: 'volume', target: '/b', readonly: false, copy: true }],
    [
      'type=volume,source=v,destination=/b,volume-nocopy,volume-driver=local',
      { type: 'volume', name: 'v', target: '/b', readonly: false, copy: false },
    ],
    [
      'type=volume,src=v,target=/b,volume-subpath=x/y,volume-label=a=1,volume-label=b,volume-opt=type=tmpfs',
      {
        type: 'volume',
        name: 'v',
        target: '/b',
        readonly: false,
        copy: true,
        subpath: 'x/y',
        labels: { a: '1', b: '' },
        driverOptions: { type: 'tmpfs' },
      },
    ],
    [
      'type=tmpfs,target=/b,tmpfs-size=1m,tmpfs-mode=1770,readonly',
      { type: 'tmpfs', target: '/b', options: ['ro', 'size=1048576', 'mode=1770'] },
    ],
    [
      'type=bind,"source=/a,b",target=/c',
      { type: 'bind', source: '/a,b', target: '/c', readonly: false, createSource: false, recursive: true },
    ],
  ])('reads %s', (text, expected) => expect(parseMountOption(text)).toEqual(expected));

  test.each([
    ['type=bind,source=/a', 'target is required'],
    ['type=bind,target=/b', 'field Source must not be empty'],
    ['type=bind,source=a,target=/b', "invalid mount path: 'a' mount path must be absolute"],
    ['type=foo,target=/b', 'mount type "foo" is unknown'],
    ['type=bind,source=/a,target=/b,foo=bar', "unexpected key 'foo' in 'foo=bar'"],
    ['type=bind,source=/a,target=/b,volume-nocopy', "unexpected key 'volume-nocopy'"],
    ['type=bind,source=/a,target=/b,bind-propagation=wild', 'invalid propagation mode "wild"'],
    ['type=bind,source=/a,target=/b,bind-recursive=some', 'invalid bind-recursive mode "some"'],
    ['type=bind,source=/a,target=/b,bind-recursive=readonly', 'requires readonly'],
    ['type=volume,target=/b,volume-subpath=/x', 'volume-subpath must be relative'],
    ['type=volume,target=/b,volume-subpath=x/../../y', 'must not lead out of the volume'],
    ['type=volume,target=/b,volume-driver=nfs', 'there is no volume driver "nfs"'],
    ['type=tmpfs,source=x,target=/b', 'Source must not be specified'],
    ['type=bind,source=/a,target=/b,ro=maybe', 'invalid argument "maybe"'],
  ])('refuses %s', (text, message) => expect(() => parseMountOption(text)).toThrow(message));
});

test('parseTmpfsOption() splits target and options', () => {
  expect(parseTmpfsOption('/t')).toEqual({ type: 'tmpfs', target: '/t', options: [] });
  expect(parseTmpfsOption('/t:size=1m,exec')).toEqual({
    type: 'tmpfs',
    target: '/t',
    options: ['size=1m', 'exec'],
  });
  expect(() => parseTmpfsOption('t')).toThrow('must be absolute');
});

test('parseVolumesFrom() splits container and mode', () => {
  expect(parseVolumesFrom('c')).toEqual({ container: 'c', readonly: false });
  expect(parseVolumesFrom('c:ro,z')).toEqual({ container: 'c', readonly: true });
  for (const text of ['', ':ro', 'c:x', 'c:ro:rw'])
    expect(() => parseVolumesFrom(text)).toThrow('for "--volumes-from"');
});
