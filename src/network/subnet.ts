import { readFileSync } from 'node:fs';
import { type Ipv4, parseIpv4 } from './links.ts';

export interface Subnet {
  readonly base: Ipv4;
  readonly prefix: number;
}

/** Where networks of our own are looked for, apart from the ranges that Docker and Podman start with. */
const CANDIDATES: readonly Subnet[] = [
  ...Array.from({ length: 12 }, (_, index) => ({ base: parseIpv4(`172.${30 - index}.0.0`), prefix: 16 })),
  ...Array.from({ length: 64 }, (_, index) => ({ base: parseIpv4(`10.${230 - index}.0.0`), prefix: 16 })),
];

/** A subnet that no route of the host overlaps. */
export function freeSubnet(routes: readonly Subnet[] = hostRoutes()): Subnet {
  const found = CANDIDATES.find((candidate) => !routes.some((route) => overlaps(candidate, route)));
  if (found === undefined)
    throw new Error('Every private network that could be used is routed elsewhere already');
  return found;
}

/** The host's routes but the default one: /proc/net/route, whose numbers are in the machine's byte order. */
function hostRoutes(): readonly Subnet[] {
  return readFileSync('/proc/net/route', 'latin1')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .map((fields) => ({ base: swapped(fields[1] ?? ''), prefix: bits(swapped(fields[7] ?? '')) }))
    .filter(({ prefix }) => prefix > 0);
}

function swapped(hex: string): Ipv4 {
  return Buffer.from(hex.padStart(8, '0'), 'hex').readUInt32LE();
}

function bits(mask: number): number {
  return mask.toString(2).replaceAll('0', '').length;
}

function overlaps(a: Subnet, b: Subnet): boolean {
  const shift = 32 - Math.min(a.prefix, b.prefix);
  return a.base >>> shift === b.base >>> shift;
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
