import type { NetworkRequest, RunRequest } from '../../index.ts';
import type { DeferredOptions } from '../deferred-options.ts';
import { given, type OptionValues } from '../option-values.ts';
import { UsageError } from '../usage-error.ts';
import { isAddress, parseAddress, parseCsv, parseExtraHost } from '../values.ts';
import { parseExpose, parsePublish } from './ports.ts';

/** The options of `docker run` that are about its networks, its ports and its names. */
export function declareNetworkOptions(options: DeferredOptions): void {
  options.group('Network:');
  options.list('--network, --net <network>', 'bridge (default), host, none, container:NAME, or a network');
  options.list('-p, --publish <ports>', '[[ip:]host:]container[/udp], each a port or a range');
  options.option('-P, --publish-all', 'publish every exposed port at a free one of the host');
  options.list('--expose <port>', 'expose a port or a range of ports');
  options.list('--network-alias, --net-alias <name>', 'a further name on the network');
  options.list('--link <container[:alias]>', 'a name for another container');
  options
    .option('--ip <address>', 'IPv4 address on the network')
    .option('--ip6 <address>', 'IPv6 address on the network')
    .option('--mac-address <address>', 'MAC address on the network')
    .option('-h, --hostname <name>', 'host name of the container')
    .option('--domainname <name>', 'NIS domain name of the container');
  options.list('--add-host <host:ip>', 'add a line to /etc/hosts');
  options.list('--dns <address>', 'name server');
  options.list('--dns-search <domain>', 'search domain');
  options.list('--dns-option, --dns-opt <option>', 'resolver option');
  options.hidden('--link-local-ip <address>');
}

/** Throws {@link UsageError}. */
export function parseNetworkOptions(values: OptionValues): Partial<RunRequest> {
  const links = values.many('link').map(parseLink);
  return {
    ...parseNetworks(values),
    ports: values.many('publish').flatMap(parsePublish),
    publishAll: values.flag('publishAll'),
    exposedPorts: values.many('expose').flatMap(parseExpose),
    ...(links.length > 0 && { links }),
    extraHosts: values.many('addHost').map(parseExtraHost),
    dns: values.many('dns').map((text) => parseAddress(text, '--dns')),
    dnsSearch: values.many('dnsSearch'),
    dnsOptions: values.many('dnsOpt'),
    ...given({ hostname: values.one('hostname'), domainname: values.one('domainname') }),
  };
}

/** What a request says that means nothing; a line each. */
export function networkWarnings({ network, ports = [], publishAll }: RunRequest): readonly string[] {
  return network === 'host' && (ports.length > 0 || publishAll)
    ? ['WARNING: Published ports are discarded when using host network mode']
    : [];
}

/** What `--ip`, `--network-alias` and the like say is about the first network. */
function parseNetworks(values: OptionValues): Pick<RunRequest, 'network' | 'networks'> {
  const [first = { name: 'bridge' }, ...others] = values.many('net').map(parseNetwork);
  const aliases = values.many('netAlias');
  const endpoint: NetworkRequest = {
    ...first,
    ...(aliases.length > 0 && { aliases: [...(first.aliases ?? []), ...aliases] }),
    ...given({
      ipv4: values.parsed('ip', '--ip', parseIpv4) ?? first.ipv4,
      ipv6: values.parsed('ip6', '--ip6', parseIpv6) ?? first.ipv6,
      macAddress: values.parsed('macAddress', '--mac-address', parseMacAddress) ?? first.macAddress,
    }),
  };
  if (endpoint.aliases?.length && !isUserDefined(first.name))
    throw new UsageError('network-scoped aliases are only supported for user-defined networks');
  const isPlain = others.length === 0 && Object.keys(endpoint).length === 1;
  return {
    ...(values.many('net').length > 0 && { network: first.name }),
    ...(!isPlain && { networks: [endpoint, ...others] }),
  };
}

function isUserDefined(name: string): boolean {
  return !['bridge', 'default', 'host', 'none', ''].includes(name) && !name.startsWith('container:');
}

/** `NAME`, or `name=NAME,alias=…,ip=…,ip6=…,mac-address=…,gw-priority=…`. */
export function parseNetwork(text: string): NetworkRequest {
  if (!text.includes('=')) return { name: text };
  const request: Record<string, unknown> & { aliases: string[] } = { aliases: [] };
  for (const field of parseCsv(text)) {
    const [key = '', value] = field.split(/=(.*)/s);
    if (value === undefined || value === '')
      throw invalid(text, `invalid field ${field}: must be a key=value pair`);
    if (key === 'name') request.name = value;
    else if (key === 'alias') request.aliases.push(value);
    else if (key === 'ip') request.ipv4 = parseIpv4(value, '--network');
    else if (key === 'ip6') request.ipv6 = parseIpv6(value, '--network');
    else if (key === 'mac-address') request.macAddress = parseMacAddress(value);
    else if (key === 'gw-priority') request.gatewayPriority = Number(value);
    else if (key !== 'driver-opt' && key !== 'link-local-ip') throw invalid(text, `invalid field key ${key}`);
  }
  const { aliases, name, ...rest } = request;
  if (typeof name !== 'string') throw invalid(text, 'network name/id is not specified');
  return { name, ...rest, ...(aliases.length > 0 && { aliases }) };
}

const invalid = (text: string, reason: string) =>
  new UsageError(`invalid argument "${text}" for "--network" flag: ${reason}`);

/** `CONTAINER[:ALIAS]`. */
function parseLink(text: string): { readonly container: string; readonly alias: string } {
  const [container = '', alias = container, ...more] = text.split(':');
  if (container === '' || more.length > 0) throw new UsageError(`bad format for links: ${text}`);
  return { container, alias: alias.replace(/^\//, '') };
}

export function parseIpv4(text: string, option: string): string {
  if (isAddress(text) && !text.includes(':')) return text;
  throw new UsageError(`invalid argument "${text}" for "${option}": write an IPv4 address`);
}

export function parseIpv6(text: string, option: string): string {
  if (isAddress(text) && text.includes(':')) return text;
  throw new UsageError(`invalid argument "${text}" for "${option}": write an IPv6 address`);
}

function parseMacAddress(text: string): string {
  if (/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return text.toLowerCase().replaceAll('-', ':');
  throw new UsageError(`${text} is not a valid mac address`);
}
