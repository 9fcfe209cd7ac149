import { BlockList, isIP } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment names for a URL, by the rules of Go's httpproxy that every container tool shares:
 * HTTP_PROXY and HTTPS_PROXY by scheme, NO_PROXY with names, suffixes, addresses and networks, loopback never proxied.
 * Undefined: connect directly. Throws a TypeError for a proxy that is no http or https URL.
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const text = environment[name] || environment[name.toLowerCase()];
  if (text === undefined || text === '' || isLoopback(url.hostname)) return undefined;
  if (isExcluded(url, environment.NO_PROXY || environment.no_proxy || '')) return undefined;
  const address = text.includes('://') ? text : `http://${text}`;
  // What is wrong is not shown: it may hold a password.
  if (!URL.canParse(address) || /%(?![0-9a-f]{2})/i.test(address))
    throw new TypeError(`${name} is not an address of a proxy`);
  const proxy = new URL(address);
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:')
    throw new TypeError(`Unsupported proxy scheme in ${name}: ${proxy.protocol}`);
  return proxy;
}

/** Whether a host name or address (as in `URL.hostname`) is this machine. */
export function isLoopback(hostname: string): boolean {
  const host = unbracketed(hostname);
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** `URL.hostname` keeps the brackets of an IPv6 address; sockets want it without. */
export function unbracketed(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function isExcluded(url: URL, noProxy: string): boolean {
  const host = unbracketed(url.hostname).toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy
    .split(',')
    .map((rule) => rule.trim().toLowerCase())
    .some((rule) => rule !== '' && ruleMatches(rule, host, port));
}

function ruleMatches(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true;
  if (rule.includes('/')) return isInNetwork(host, rule);
  const withPort = /^(.*[^:]):(\d+)$/.exec(rule);
  if (withPort !== null && withPort[2] !== port) return false;
  const name = unbracketed(withPort?.[1] ?? rule).replace(/^\*(?=\.)/, '');
  if (isIP(name) !== 0) return name === host;
  return name.startsWith('.') ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
}

function isInNetwork(host: string, network: string): boolean {
  const [address = '', prefix = ''] = network.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), type);
  return list.check(host, type);
}
