import { readFileSync } from 'node:fs';
import { formatSubnet, overlaps, parseSubnet, type Subnet } from './address.ts';

/** Where networks of our own are looked for, apart from the ranges that Docker and Podman start with. */
const candidates = (): readonly Subnet[] =>
  [
    ...Array.from({ length: 12 }, (_, index) => `172.${30 - index}.0.0/16`),
    ...Array.from({ length: 64 }, (_, index) => `10.${230 - index}.0.0/16`),
    ...Array.from({ length: 256 }, (_, index) => `10.166.${index}.0/24`),
  ].map((text) => parseSubnet(text)!);

/** A subnet that overlaps none of those that are taken. */
export function freeSubnet(taken: readonly Subnet[]): Subnet {
  const found = candidates().find((candidate) => !taken.some((other) => overlaps(candidate, other)));
  if (found === undefined)
    throw new Error('Every private network that could be used is routed elsewhere already');
  return found;
}

/** One of a range of one's own that nobody else has (RFC 4193): its bits are those of the network's id. */
export function uniqueLocalSubnet(id: string): Subnet {
  const digits = `fd${id.slice(0, 14)}`;
  const groups = digits.match(/.{4}/g)!.join(':');
  const subnet = parseSubnet(`${groups}::/64`);
  if (subnet === undefined) throw new Error(`Cannot derive a subnet from "${id}"`);
  return subnet;
}

/** Interface of the default route and its MTU; undefined on a machine without one. */
export function defaultInterface(): { readonly name: string; readonly mtu: number } | undefined {
  const name = readFileSync('/proc/net/route', 'latin1')
    .split('\n')
    .map((line) => line.split('\t'))
    .find((fields) => fields[1] === '00000000')?.[0];
  if (name === undefined) return undefined;
  return { name, mtu: Number(readFileSync(`/sys/class/net/${name}/mtu`, 'latin1')) };
}

/** The first of them that overlaps one that is taken, for the message. */
export function findOverlap(subnet: Subnet, taken: readonly Subnet[]): string | undefined {
  const found = taken.find((other) => overlaps(subnet, other));
  return found && formatSubnet(found);
}
