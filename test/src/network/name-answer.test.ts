import { decode, encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { formatIp, parseIp } from '../../../src/network/address.ts';
import { addressOfPointer, answerTo, failureOf, type Names } from '../../../src/network/name-answer.ts';

const names: Names = {
  addressesOf: (name) => (name === 'db' ? [parseIp('172.29.0.2')!, parseIp('fd00::2')!] : undefined),
  nameOf: (address) => (formatIp(address) === '172.29.0.2' ? 'db.net' : undefined),
};

const query = (type: 'A' | 'AAAA' | 'MX' | 'PTR', name: string) =>
  encode({ type: 'query', id: 7, flags: 0x100, questions: [{ type, name }] });

const answers = (type: 'A' | 'AAAA' | 'MX' | 'PTR', name: string) => {
  const answer = answerTo(query(type, name), names);
  return answer && decode(answer).answers?.map((each) => ('data' in each ? each.data : undefined));
};

describe('answerTo()', () => {
  test('gives the addresses of the family that was asked for, in any case', () => {
    expect(answers('A', 'db')).toEqual(['172.29.0.2']);
    expect(answers('AAAA', 'DB')).toEqual(['fd00::2']);
  });

  test('has no records of other types for a name that it knows', () =>
    expect(answers('MX', 'db')).toEqual([]));

  test('gives the name of an address', () =>
    expect(answers('PTR', '2.0.29.172.in-addr.arpa')).toEqual(['db.net']));

  test('leaves everything else to others', () => {
    expect(answers('A', 'example.com')).toBeUndefined();
    expect(answers('PTR', '9.0.29.172.in-addr.arpa')).toBeUndefined();
    expect(answerTo(Buffer.from('no message'), names)).toBeUndefined();
    expect(answerTo(answerTo(query('A', 'db'), names)!, names)).toBeUndefined();
  });

  test('answers under the query’s number, with its question', () => {
    const { id, questions, flag_rd } = decode(answerTo(query('A', 'db'), names)!) as ReturnType<
      typeof decode
    > & {
      flag_rd: boolean;
    };
    expect([id, questions?.[0]?.name, flag_rd]).toEqual([7, 'db', true]);
  });
});

test('failureOf() says SERVFAIL to a query, and nothing to anything else', () => {
  expect(decode(failureOf(query('A', 'x'))!)).toMatchObject({ id: 7, rcode: 'SERVFAIL', answers: [] });
  expect(failureOf(Buffer.alloc(3))).toBeUndefined();
});

test('addressOfPointer() reads both families', () => {
  const six = `${'0.'.repeat(31)}f.ip6.arpa`;
  expect(formatIp(addressOfPointer('4.3.2.1.in-addr.arpa')!)).toBe('1.2.3.4');
  expect(formatIp(addressOfPointer(`2.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`)!)).toBe('fd00::2');
  expect(addressOfPointer(six)?.family).toBe(6);
  expect(addressOfPointer('x.in-addr.arpa')).toBeUndefined();
});
