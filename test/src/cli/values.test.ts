import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/cli/usage-error.ts';
import {
  parseAddress,
  parseBytes,
  parseBytesOrUnlimited,
  parseCpus,
  parseCsv,
  parseExtraHost,
  parseInteger,
  parseIntegerIn,
  parseKeyValue,
  parseLineFile,
  parseOptionList,
  parseUlimit,
  resolveEnvironment,
} from '../../../src/cli/values.ts';

const REFUSED = expect.any(UsageError);

describe('parseBytes()', () => {
  test.each([
    ['0', 0],
    ['100', 100],
    ['1k', 1024],
    ['1.5m', 1_572_864],
    ['2G', 2 ** 31],
    ['1gb', 2 ** 30],
    ['1 GiB', 2 ** 30],
    ['7b', 7],
  ])('reads %s', (text, expected) => expect(parseBytes(text, '-m')).toBe(expected));

  test.each(['', 'x', '-1', '1e3', '0x10', '1.m', '1kk', '١'])('refuses %j, and names the option', (text) => {
    expect(() => parseBytes(text, '-m')).toThrow(`invalid argument "${text}" for "-m"`);
  });

  test('takes -1 where that is unlimited', () => expect(parseBytesOrUnlimited('-1', '-m')).toBe(-1));
});

test.each(['', '1.5', '1e3', '0x1', ' 1', '99999999999999999999'])('parseInteger() refuses %j', (text) => {
  expect(() => parseInteger(text, '-x')).toThrow(REFUSED);
});

test('parseIntegerIn() holds to the bounds', () => {
  expect(parseIntegerIn('-1000', '-x', -1000, 1000)).toBe(-1000);
  expect(() => parseIntegerIn('1001', '-x', -1000, 1000)).toThrow('from -1000 to 1000');
});

test('parseCpus() reads decimal numbers alone', () => {
  expect([parseCpus('0.5', '--cpus'), parseCpus('2', '--cpus'), parseCpus('.25', '--cpus')]).toEqual([
    0.5, 2, 0.25,
  ]);
  for (const text of ['', 'x', '-1', '1e1', 'Infinity'])
    expect(() => parseCpus(text, '--cpus')).toThrow(REFUSED);
});

describe('parseUlimit()', () => {
  test.each([
    ['nofile=100:200', { name: 'nofile', soft: 100, hard: 200 }],
    ['core=0', { name: 'core', soft: 0, hard: 0 }],
    ['memlock=-1', { name: 'memlock', soft: -1, hard: -1 }],
    ['nproc=10:-1', { name: 'nproc', soft: 10, hard: -1 }],
  ])('reads %s', (text, expected) => expect(parseUlimit(text)).toEqual(expected));

  test.each(['nofile', 'nosuch=1', 'nofile=2:1', 'nofile=-1:5', 'nofile=x', 'nofile=1:2:3'])(
    'refuses %s',
    (text) => {
      expect(() => parseUlimit(text)).toThrow(REFUSED);
    },
  );
});

describe('parseExtraHost()', () => {
  test.each([
    ['a:1.2.3.4', { host: 'a', ip: '1.2.3.4' }],
    ['a=1.2.3.4', { host: 'a', ip: '1.2.3.4' }],
    ['six:::1', { host: 'six', ip: '::1' }],
    ['six:[::1]', { host: 'six', ip: '::1' }],
    ['host:host-gateway', { host: 'host', ip: 'host-gateway' }],
  ])('reads %s', (text, expected) => expect(parseExtraHost(text)).toEqual(expected));

  test.each(['a', 'a:', ':1.2.3.4', 'a:bad', 'a:1.2.3.4\nb', 'a b:1.2.3.4', 'a:999.1.1.1'])(
    'refuses %j',
    (text) => {
      expect(() => parseExtraHost(text)).toThrow(REFUSED);
    },
  );
});

test('parseAddress() takes both kinds of addresses, and nothing else', () => {
  expect([parseAddress('8.8.8.8', '--dns'), parseAddress('::1', '--dns')]).toEqual(['8.8.8.8', '::1']);
  expect(() => parseAddress('dns.example', '--dns')).toThrow('invalid argument "dns.example" for "--dns"');
});

test('parseKeyValue() splits at the first equals sign', () => {
  expect([parseKeyValue('a=b=c'), parseKeyValue('a'), parseKeyValue('a=')]).toEqual([
    ['a', 'b=c'],
    ['a', ''],
    ['a', ''],
  ]);
});

describe('resolveEnvironment()', () => {
  const own = { SET: 'mine', EMPTY: '' };

  test('takes values as they are, and the caller’s for bare names', () => {
    expect(resolveEnvironment(['A=b=c', 'B=', 'SET', 'EMPTY'], own, 'left out')).toEqual([
      'A=b=c',
      'B=',
      'SET=mine',
      'EMPTY=',
    ]);
  });

  test('leaves names out that the caller has not, or takes them away', () => {
    expect(resolveEnvironment(['NOT'], own, 'left out')).toEqual([]);
    expect(resolveEnvironment(['NOT'], own, 'taken away')).toEqual(['NOT']);
  });

  test.each(['', '=', '=x'])('refuses %j', (entry) => {
    expect(() => resolveEnvironment([entry], own, 'left out')).toThrow('invalid environment variable');
  });
});

describe('parseLineFile()', () => {
  test('leaves out comments and blank lines, and keeps values as they are', () => {
    const text = '\uFEFFA=1\r\n# no\n\n   B= two #x \nBARE \n  # no\nC=a=b';
    expect(parseLineFile(text, 'f')).toEqual(['A=1', 'B= two #x ', 'BARE', 'C=a=b']);
  });

  test.each([
    ['A=1\nbad name=2', "f:2: 'bad name' contains whitespace"],
    ['two words', "f:1: 'two words' contains whitespace"],
    ['=x', 'f:1: no name before "="'],
  ])('refuses %j and names the line', (text, message) => {
    expect(() => parseLineFile(text, 'f')).toThrow(message);
  });
});

test('parseCsv() takes quoted fields', () => {
  expect(parseCsv('a,"b,c","d""e",')).toEqual(['a', 'b,c', 'd"e', '']);
  expect(() => parseCsv('a,b"c')).toThrow(REFUSED);
});

test('parseOptionList() takes keys in any case, and a bare one as true', () => {
  expect([...parseOptionList('Type=bind,READONLY,src=/a=b')]).toEqual([
    ['type', 'bind'],
    ['readonly', 'true'],
    ['src', '/a=b'],
  ]);
});
