import { readFileSync } from 'node:fs';
import { NAME_SERVER } from '../network/name-sockets.ts';
import { formatResolvConf, hostResolver } from '../network/resolver.ts';
import type { HostEntry } from './container-options.ts';

/** A small file that a container sees without having it in its root. */
export interface ProvidedFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly readonly: boolean;
}

export interface NetworkFilesInput {
  readonly hostname: string;
  readonly domainname?: string;
  /** Without prefix lengths; none without a network of its own. */
  readonly addresses: readonly string[];
  readonly gateway?: string;
  readonly sharesHostNetwork: boolean;
  /** The names of containers can be asked for, of a name server of its own. */
  readonly hasNameServer?: boolean;
  readonly extraHosts: readonly HostEntry[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly readonly: boolean;
}

/** /etc/resolv.conf, /etc/hosts and /etc/hostname of a container, with Docker's content. */
export function networkFiles(input: NetworkFilesInput): readonly ProvidedFile[] {
  const host = hostResolver({ loopback: input.sharesHostNetwork });
  const resolver = {
    nameservers: input.hasNameServer ? [NAME_SERVER] : input.dns?.length ? input.dns : host.nameservers,
    search: input.dnsSearch?.length ? input.dnsSearch.filter((domain) => domain !== '.') : host.search,
    options: resolverOptions(input, host.options),
  };
  const file = (path: string, content: string): ProvidedFile => ({
    path,
    content,
    mode: 0o644,
    readonly: input.readonly,
  });
  return [
    file('/etc/resolv.conf', formatResolvConf(resolver)),
    file('/etc/hosts', hostsFile(input)),
    file('/etc/hostname', `${input.hostname}\n`),
  ];
}

/** A name without a dot may be a container's: it is asked for as it is first. */
function resolverOptions(
  { dnsOptions, hasNameServer }: NetworkFilesInput,
  own: readonly string[],
): readonly string[] {
  const options = dnsOptions?.length ? dnsOptions : own;
  const isSaid = options.some((option) => option.startsWith('ndots:'));
  return hasNameServer && !isSaid ? [...options, 'ndots:0'] : options;
}

const STANDARD_HOSTS = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::', 'ip6-localnet'],
  ['ff00::', 'ip6-mcastprefix'],
  ['ff02::1', 'ip6-allnodes'],
  ['ff02::2', 'ip6-allrouters'],
] as const;

function hostsFile(input: NetworkFilesInput): string {
  const { addresses, gateway, extraHosts } = input;
  const lines = [
    ...extraHosts.map(({ host, ip }) => [ip === 'host-gateway' ? (gateway ?? '127.0.0.1') : ip, host]),
    ...addresses.map((address) => [address, ownNames(input)]),
  ];
  const text = (entries: readonly (readonly (string | undefined)[])[]) =>
    entries.map(([address, names]) => `${address}\t${names}\n`).join('');
  return (input.sharesHostNetwork ? hostsOfHost() : text(STANDARD_HOSTS)) + text(lines);
}

/** hosts(5): the full name first, then the short one. */
function ownNames({ hostname, domainname }: NetworkFilesInput): string {
  const full = domainname ? `${hostname}.${domainname}` : hostname;
  const short = hostname.split('.', 1)[0]!;
  return full === short ? full : `${full} ${short}`;
}

function hostsOfHost(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8').replace(/\n*$/, '\n');
  } catch {
    return '127.0.0.1\tlocalhost\n';
  }
}
