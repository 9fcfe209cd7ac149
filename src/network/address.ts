/** An IP address of either family, as a number. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A range of addresses that share their first `prefix` bits. */
export interface Subnet {
  readonly family: 4 | 6;
  readonly base: bigint;
  readonly prefix: number;
}

export const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/** `192.0.2.1` or `2001:db8::1`; undefined for anything else. Without node:net, which takes longer to load than a container to start. */
export function parseIp(text: string): IpAddress | undefined {
  if (text.includes(':')) return parseIpv6(text);
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return { family: 4, value: BigInt(Buffer.from(parts.map(Number)).readUInt32BE()) };
}

/** RFC 4291, section 2.2. */
function parseIpv6(text: string): IpAddress | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted && parseIp(dotted[2]!);
  if (dotted && !tail) return undefined;
  const plain = tail
    ? `${dotted[1]}${(tail.value >> 16n).toString(16)}:${(tail.value & 0xffffn).toString(16)}`
    : text;
  const halves = plain.split('::');
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const count = groups.flat().length;
  const isComplete = halves.length === 1 ? count === 8 : halves.length === 2 && count < 8;
  if (!isComplete || !groups.flat().every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const [head = [], rest = []] = groups;
  const all = [...head, ...Array.from({ length: 8 - count }, () => '0'), ...rest];
  return { family: 6, value: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) };
}

/** IPv6 as RFC 5952 wants it: lower case, the longest run of zeros shortened. */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  const zeros = [...groups.join(':').matchAll(/(?<![0-9a-f])0(:0)+(?![0-9a-f])/g)];
  const longest = zeros.sort((a, b) => b[0].length - a[0].length)[0];
  if (longest === undefined) return groups.join(':');
  const text = groups.join(':');
  return `${text.slice(0, longest.index).replace(/:$/, '')}::${text.slice(longest.index + longest[0].length).replace(/^:/, '')}`;
}

/** In network byte order: 4 or 16 bytes. */
export function ipBytes({ family, value }: IpAddress): Buffer {
  return Buffer.from(value.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex');
}

export function ipOf(bytes: Uint8Array): IpAddress {
  const value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

/** `172.30.0.0/16`; bits behind the prefix are taken away. Undefined for anything else. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address, prefix, ...more] = text.split('/');
  const ip = parseIp(address ?? '');
  if (ip === undefined || more.length > 0 || !/^\d{1,3}$/.test(prefix ?? '')) return undefined;
  const length = Number(prefix);
  return length > bitsOf(ip.family) ? undefined : subnetOf(ip, length);
}

export function subnetOf({ family, value }: IpAddress, prefix: number): Subnet {
  const rest = BigInt(bitsOf(family) - prefix);
  return { family, base: (value >> rest) << rest, prefix };
}

export function formatSubnet({ family, base, prefix }: Subnet): string {
  return `${formatIp({ family, value: base })}/${prefix}`;
}

/** The one that is `index` behind the first; counted from the end where negative (-1: the last). */
export function addressIn({ family, base, prefix }: Subnet, index: number): IpAddress {
  const size = 1n << BigInt(bitsOf(family) - prefix);
  return { family, value: base + (index < 0 ? size + BigInt(index) : BigInt(index)) };
}

export function contains(subnet: Subnet, { family, value }: IpAddress): boolean {
  return family === subnet.family && subnetOf({ family, value }, subnet.prefix).base === subnet.base;
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  if (a.family !== b.family) return false;
  const prefix = Math.min(a.prefix, b.prefix);
  const network = ({ family, base }: Subnet) => subnetOf({ family, value: base }, prefix).base;
  return network(a) === network(b);
}
