import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { unbracketed } from './proxy.ts';

/** Networks that a registry on the Internet has no business sending a client to (RFC 6890 and successors). */
const PRIVATE_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const;
const PRIVATE_V6 = [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const;

let privateNetworks: BlockList | undefined;

/** Whether an IP address is one of this machine, of its network, or of no network. */
export function isPrivateAddress(address: string): boolean {
  privateNetworks ??= makePrivateNetworks();
  const v4 = embeddedV4(address);
  if (v4 !== undefined) return privateNetworks.check(v4, 'ipv4');
  return privateNetworks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Guards against a public registry that sends its client to addresses inside the client's own network: by a redirect,
 * a token realm or an upload location. The check is made on the addresses the socket connects to, so a name that
 * changes its answer between check and use gains nothing.
 */
export class AddressPolicy {
  private trusted: Promise<boolean> | undefined;

  constructor(private readonly registry: URL) {}

  /**
   * How to look up the host of a URL that the registry named. Undefined: no restriction. Throws `EPRIVATE` for an address
   * literal. A private registry may name any address but those that are link-local.
   */
  async lookupFor(url: URL): Promise<LookupFunction | undefined> {
    if (url.hostname === this.registry.hostname) return undefined;
    this.trusted ??= isPrivateHost(unbracketed(this.registry.hostname));
    const isRefused = (await this.trusted) ? isLinkLocal : isPrivateAddress;
    const host = unbracketed(url.hostname);
    if (isIP(host) !== 0 && isRefused(host)) throw privateAddress(host, host);
    return guardedLookup(isRefused);
  }
}

/** Where clouds tell machines their secrets: nothing that any registry would name. */
function isLinkLocal(address: string): boolean {
  return /^169\.254\./.test(embeddedV4(address) ?? address) || /^fe[89ab][0-9a-f]:/i.test(address);
}

function guardedLookup(isRefused: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0);
      const inside = addresses.find(({ address }) => isRefused(address));
      if (inside !== undefined) return callback(privateAddress(hostname, inside.address), '', 0);
      const [first] = addresses;
      if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family ?? 0);
    });
  };
}

/** A name that does not resolve counts as public: a proxy may still know it. */
function isPrivateHost(host: string): Promise<boolean> {
  if (isIP(host) !== 0) return Promise.resolve(isPrivateAddress(host));
  return new Promise((resolve) => {
    lookup(host, { all: true }, (error, addresses) => {
      resolve(error === null && addresses.some(({ address }) => isPrivateAddress(address)));
    });
  });
}

function privateAddress(host: string, address: string): NodeJS.ErrnoException {
  const where = host === address ? host : `${host} (${address})`;
  const what = isLinkLocal(address)
    ? 'an address of this link alone'
    : 'a private address, but the registry is a public one';
  return Object.assign(new Error(`"${where}" is ${what}`), { code: 'EPRIVATE' });
}

/** The IPv4 address inside an IPv4-mapped (`::ffff:a.b.c.d`) or NAT64 (`64:ff9b::`) address. */
function embeddedV4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined;
  const canonical = new URL(`http://[${address.replace(/%.*$/, '')}]/`).hostname.slice(1, -1);
  const match = /^(?:::ffff|64:ff9b:):([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (match === null) return undefined;
  const [high, low] = [Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function makePrivateNetworks(): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of PRIVATE_V4) list.addSubnet(network, prefix, 'ipv4');
  for (const [network, prefix] of PRIVATE_V6) list.addSubnet(network, prefix, 'ipv6');
  return list;
}
