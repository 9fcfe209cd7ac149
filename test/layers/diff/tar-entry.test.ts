import { execFileSync } from 'node:child_process';
import { Header, Pax } from 'tar';
import { describe, expect, test } from 'vitest';
import { encodeTarEntry } from '../../../layers/diff/archive-writer.ts';
import { decodePaxRecords, paxRecord } from '../../../layers/diff/pax.ts';
import { extensionBody, type TarEntry } from '../../../layers/diff/tar-entry.ts';
import { TarReader } from '../../../layers/diff/tar-reader.ts';
import { hasProgram } from '../../support/programs.ts';

const plain: TarEntry = {
  path: 'file',
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeNs: 0n,
  linkpath: '',
  devMajor: 0,
  devMinor: 0,
  xattrs: [],
};

/** Values at and past every limit of the header's fields. */
const cases: Readonly<Record<string, Partial<TarEntry>>> = {
  'a plain file': {},
  'a name of 100 bytes': { path: 'n'.repeat(100) },
  'a name of 101 bytes': { path: 'n'.repeat(101) },
  'a path that ustar can cut': { path: `${'d'.repeat(155)}/${'n'.repeat(100)}` },
  'a path that it cannot': { path: `${'d'.repeat(156)}/${'n'.repeat(100)}` },
  'a directory whose slash decides': { path: `${'d'.repeat(60)}/${'n'.repeat(99)}/`, type: 'directory' },
  'a directory whose name is too long': { path: `${'d'.repeat(60)}/${'n'.repeat(100)}/`, type: 'directory' },
  'a name that is not ASCII': { path: 'gr\xc3\xb6\xc3\x9fe' },
  'a name that is not UTF-8': { path: '\xff\xfe\x80' },
  'a name with a newline and an equals sign': { path: 'a\nb=c'.repeat(30) },
  'a link of 100 bytes': { type: 'symlink', linkpath: 'n'.repeat(100) },
  'a link of 101 bytes': { type: 'symlink', linkpath: 'n'.repeat(101) },
  'a link that is not UTF-8': { type: 'link', linkpath: '\xff' },
  'the largest size of the header': { size: 8 ** 11 - 1 },
  'a larger size': { size: 8 ** 11 },
  'the largest owner of the header': { uid: 0o7777777, gid: 0o7777777 },
  'a larger owner': { uid: 0o10000000, gid: 4_294_967_294 },
  'the largest time of the header': { mtimeNs: BigInt(8 ** 11 - 1) * 1_000_000_000n },
  'a larger time': { mtimeNs: BigInt(8 ** 11) * 1_000_000_000n },
  nanoseconds: { mtimeNs: 1_700_000_000_123_456_789n },
  'a tenth of a second': { mtimeNs: 1_700_000_000_100_000_000n },
  'a time before 1970': { mtimeNs: -1_000_000_000n },
  'a nanosecond before 1970': { mtimeNs: -1n },
  'a long time before 1970': { mtimeNs: -1_234_567_890_500_000_000n },
  'a device': { type: 'block', devMajor: 4095, devMinor: 1_048_575 },
  'every bit of the mode': { mode: 0o7777 },
  attributes: {
    xattrs: [
      ['security.capability', Buffer.from([1, 0, 0, 2, 10, 61, 255])],
      ['user.a=b%', Buffer.from('x')],
      ['user.empty', Buffer.alloc(0)],
    ],
  },
};

const entries = Object.entries(cases).map(([name, fields]) => ({ name, entry: { ...plain, ...fields } }));

test.each(entries)('an entry with $name is read as it was written', ({ entry }) => {
  const reader = new TarReader({ limits: { bytes: 2 ** 53 } });
  reader.feed(encodeTarEntry(entry));
  expect(reader.next()).toBe('entry');
  expect(reader.entry).toEqual(entry);
});

// The package reads extended headers line by line, and a value may have several.
const oneLine = entries.filter(({ entry }) => !entry.path.includes('\n'));

test.each(oneLine)('an entry with $name is read by the tar package as it was written', ({ entry }) => {
  const headers = encodeTarEntry(entry);
  const at = headers.length - 512;
  const pax = at === 0 ? undefined : Pax.parse(headers.toString('utf8', 512, at).replace(/\0+$/, ''));
  const header = new Header(headers, at);
  expect(header.cksumValid).toBe(true);
  const utf8 = (bytes: string) => Buffer.from(bytes, 'latin1').toString('utf8');
  expect(pax?.path ?? header.path).toBe(utf8(entry.path));
  expect(pax?.size ?? header.size).toBe(entry.size);
  expect(pax?.uid ?? header.uid).toBe(entry.uid);
  expect(pax?.gid ?? header.gid).toBe(entry.gid);
  expect(header.mode).toBe(entry.mode);
  if (entry.linkpath !== '') expect(pax?.linkpath ?? header.linkpath).toBe(utf8(entry.linkpath));
});

test('only what ustar cannot hold makes an extended header', () => {
  const extended = entries.filter(({ entry }) => extensionBody(entry) !== '').map(({ name }) => name);
  expect(extended).toEqual([
    'a name of 101 bytes',
    'a path that it cannot',
    'a directory whose name is too long',
    'a name that is not ASCII',
    'a name that is not UTF-8',
    'a name with a newline and an equals sign',
    'a link of 101 bytes',
    'a link that is not UTF-8',
    'a larger size',
    'a larger owner',
    'a larger time',
    'nanoseconds',
    'a tenth of a second',
    'a time before 1970',
    'a nanosecond before 1970',
    'a long time before 1970',
    'attributes',
  ]);
});

test('encodeTarEntry() writes its records in one order and its times without trailing zeros', () => {
  const entry: TarEntry = {
    ...plain,
    path: 'n'.repeat(101),
    linkpath: 'l'.repeat(101),
    type: 'symlink',
    size: 0,
    uid: 3_000_000,
    gid: 3_000_001,
    mtimeNs: -1_500_000_000n,
    xattrs: [['user.x', Buffer.from('y')]],
  };
  const extension = encodeTarEntry(entry);
  const size = Number.parseInt(extension.toString('latin1', 124, 135), 8);
  const records = decodePaxRecords(extension.subarray(512, 512 + size));
  expect(records.map(([key, value]) => `${key}=${value}`.slice(0, 20))).toEqual([
    'path=nnnnnnnnnnnnnnn',
    'linkpath=lllllllllll',
    'uid=3000000',
    'gid=3000001',
    'mtime=-1.5',
    'SCHILY.xattr.user.x=',
  ]);
});

test.skipIf(!hasProgram('tar'))('GNU tar lists entries with extremes as they are', () => {
  const listed = [
    { ...plain, path: 'large', size: 8 ** 11, mtimeNs: 1_700_000_000_123_456_789n },
    { ...plain, path: 'owner/', type: 'directory' as const, uid: 3_000_000, gid: 4_000_000 },
  ];
  for (const entry of listed) {
    const input = encodeTarEntry(entry);
    // The bytes of the file are not there: the listing comes before the complaint.
    const options = ['--numeric-owner', '--full-time', '-tvf', '-'];
    const line = execFileSync('sh', ['-c', `tar ${options.join(' ')} 2>/dev/null; true`], {
      input,
      env: { ...process.env, TZ: 'UTC' },
    }).toString();
    if (entry.path === 'large') expect(line).toMatch(/8589934592 2023-11-14 22:13:20\.123456789 large/);
    else expect(line).toMatch(/3000000\/4000000/);
  }
});

describe('PAX records', () => {
  test.each([0, 1, 2, 3, 4, 5, 85, 86, 87, 88, 89, 90, 91, 92, 983, 984, 985, 986, 987, 988])(
    'count their own length, for a value of %d bytes',
    (length) => {
      const body = Buffer.from(paxRecord('key', 'v'.repeat(length)) + paxRecord('next', 'x'));
      expect(decodePaxRecords(body)).toEqual([
        ['key', Buffer.alloc(length, 'v')],
        ['next', Buffer.from('x')],
      ]);
    },
  );
});
