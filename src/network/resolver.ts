import { readFileSync } from 'node:fs';
import type { HostResolver } from './network.ts';

/** What systemd-resolved would use itself, when /etc/resolv.conf only names its stub on loopback. */
const RESOLVED_UPSTREAM = '/run/systemd/resolve/resolv.conf';

/** Where a host without any usable name server is sent, as Docker does. */
const FALLBACK = ['8.8.8.8', '8.8.4.4'];

/**
 * The host's name service as a container can use it: servers on the host's loopback are out of reach from another
 * network namespace, unless `loopback` says that the host's network is shared. resolv.conf(5).
 */
export function hostResolver(options: { readonly loopback: boolean }): HostResolver {
  const own = parseResolvConf(read('/etc/resolv.conf'));
  if (options.loopback) return own;
  const reachable = own.nameservers.filter((address) => !isLoopback(address));
  if (reachable.length > 0) return { ...own, nameservers: reachable };
  const upstream = parseResolvConf(read(RESOLVED_UPSTREAM)).nameservers.filter(
    (address) => !isLoopback(address),
  );
  return { ...own, nameservers: upstream.length > 0 ? upstream : FALLBACK };
}

export function parseResolvConf(text: string): HostResolver {
  const found = { nameservers: [] as string[], search: [] as string[], options: [] as string[] };
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && words[0] !== undefined) found.nameservers.push(words[0]);
    // The last of these lines counts.
    if (keyword === 'search' || keyword === 'domain') found.search = words;
    if (keyword === 'options') found.options.push(...words);
  }
  return found;
}

export function formatResolvConf(resolver: HostResolver): string {
  const lines = [
    ...resolver.nameservers.map((address) => `nameserver ${address}`),
    ...(resolver.search.length > 0 ? [`search ${resolver.search.join(' ')}`] : []),
    ...(resolver.options.length > 0 ? [`options ${resolver.options.join(' ')}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
