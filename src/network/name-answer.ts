import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
} from 'dns-packet';
import { formatIp, type IpAddress, parseIp } from './address.ts';

/** What is known by name on the networks of one container. */
export interface Names {
  /** Undefined for a name that is nobody's here. */
  addressesOf(name: string): readonly IpAddress[] | undefined;
  nameOf(address: IpAddress): string | undefined;
}

/** Seconds; as Docker's. */
const TTL = 600;

/** rcode 2, RFC 1035, section 4.1.1. */
const SERVER_FAILURE = 2;

/** The answer to a query (both as messages), undefined when the query is about something else, or is no query. */
export function answerTo(query: Buffer, names: Names): Buffer | undefined {
  const packet = readQuery(query);
  const question = packet?.questions?.[0];
  if (packet === undefined || question === undefined) return undefined;
  const name = question.name.toLowerCase();
  if (question.type === 'PTR') {
    const address = addressOfPointer(name);
    const found = address && names.nameOf(address);
    return found === undefined
      ? undefined
      : reply(packet, [{ type: 'PTR', name: question.name, ttl: TTL, data: found }]);
  }
  const addresses = names.addressesOf(name);
  if (addresses === undefined) return undefined;
  const family = question.type === 'A' ? 4 : question.type === 'AAAA' ? 6 : undefined;
  const answers = addresses
    .filter((address) => address.family === family)
    .map((address): Answer => {
      const type = address.family === 4 ? 'A' : 'AAAA';
      return { type, name: question.name, ttl: TTL, data: formatIp(address) };
    });
  return reply(packet, shuffled(answers));
}

/** What is said when nobody who could know answers. */
export function failureOf(query: Buffer): Buffer | undefined {
  const packet = readQuery(query);
  return packet && reply(packet, [], SERVER_FAILURE);
}

function readQuery(bytes: Buffer): Packet | undefined {
  try {
    const packet = decode(bytes);
    return packet.type === 'query' ? packet : undefined;
  } catch {
    return undefined;
  }
}

function reply({ id = 0, flags = 0, questions = [] }: Packet, answers: Answer[], code = 0): Buffer {
  const recursionDesired = flags & 0x100;
  return encode({
    type: 'response',
    id,
    flags: recursionDesired | RECURSION_AVAILABLE | (code === 0 ? AUTHORITATIVE_ANSWER : 0) | code,
    questions,
    answers,
  });
}

/** `2.0.29.172.in-addr.arpa`, RFC 1035, section 3.5; nibbles of `ip6.arpa`, RFC 3596. */
export function addressOfPointer(name: string): IpAddress | undefined {
  const four = /^((?:\d+\.){4})in-addr\.arpa$/.exec(name);
  if (four !== null) return parseIp(four[1]!.split('.').slice(0, 4).reverse().join('.'));
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (six === null) return undefined;
  const nibbles = six[1]!.replaceAll('.', '').split('').reverse().join('');
  return { family: 6, value: BigInt(`0x${nibbles}`) };
}

/** Whoever takes the first one gets another each time. */
function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
