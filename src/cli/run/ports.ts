import type { PortRequest } from '../../index.ts';
import { UsageError } from '../usage-error.ts';
import { isAddress, parseCsv } from '../values.ts';

/** `-p [[IP:][HOST[-HOST]]:]CONTAINER[-CONTAINER][/PROTOCOL]`, or `published=8080,target=80,protocol=tcp`. */
export function parsePublish(text: string): readonly PortRequest[] {
  const spec = text.includes('=') ? shortForm(text) : text;
  const { ip, host, container } = splitPorts(spec);
  const [port = '', protocol = 'tcp'] = container.split(/\/(.*)/s);
  if (port === '') throw new UsageError(`No port specified: ${spec}<empty>`);
  const inside = parseRange(port) ?? fail(`Invalid containerPort: ${port}`);
  const outside = host === '' ? undefined : (parseRange(host) ?? fail(`Invalid hostPort: ${host}`));
  const hostIp = ip === undefined ? undefined : parseHostIp(ip);
  const known = PROTOCOLS.find((name) => name === protocol.toLowerCase());
  if (known === undefined) throw new UsageError(`Invalid proto: ${protocol}`);
  const common = { protocol: known, ...(hostIp && { hostIp }) };
  if (inside.first === inside.last) {
    const hostPorts = outside && (outside.first > 0 || outside.last > 0) ? outside : undefined;
    return [{ ...common, containerPort: inside.first, ...(hostPorts && { hostPorts }) }];
  }
  if (outside && outside.last - outside.first !== inside.last - inside.first)
    throw new UsageError(`Invalid ranges specified for container and host Ports: ${port} and ${host}`);
  return Array.from({ length: inside.last - inside.first + 1 }, (_, index) => {
    const hostPort = outside && outside.first + index;
    return {
      ...common,
      containerPort: inside.first + index,
      ...(hostPort && { hostPorts: { first: hostPort, last: hostPort } }),
    };
  });
}

const PROTOCOLS = ['tcp', 'udp'] as const;

/** `--expose 80-82[/udp]`, each as `80/udp`. */
export function parseExpose(text: string): readonly string[] {
  const [port = '', protocol = 'tcp'] = text.split(/\/(.*)/s);
  const range = parseRange(port);
  if (text.includes(':') || range === undefined)
    throw new UsageError(`invalid range format for --expose: ${text}: write PORT[-PORT][/PROTOCOL]`);
  return Array.from(
    { length: range.last - range.first + 1 },
    (_, index) => `${range.first + index}/${protocol}`,
  );
}

interface Ports {
  readonly ip: string | undefined;
  readonly host: string;
  readonly container: string;
}

/** From behind, since an address may have colons. */
function splitPorts(spec: string): Ports {
  const parts = spec.split(':');
  const container = parts.pop()!;
  const host = parts.pop() ?? '';
  return { container, host, ip: parts.length === 0 || parts.join(':') === '' ? undefined : parts.join(':') };
}

/** An IPv6 address in brackets. */
function parseHostIp(text: string): string {
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  if (bracketed === undefined && text.includes(':'))
    throw new UsageError(`Invalid ip address ${text}: write it in brackets`);
  const ip = bracketed ?? text;
  return isAddress(ip) ? ip : fail(`Invalid ip address: ${text}`);
}

function parseRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return last < first || last > 65_535 ? undefined : { first, last };
}

function shortForm(text: string): string {
  const fields = new Map(parseCsv(text).map((field) => field.split(/=(.*)/s) as [string, string]));
  const unknown = [...fields.keys()].find(
    (key) => !['published', 'target', 'protocol', 'mode'].includes(key),
  );
  if (unknown !== undefined) throw new UsageError(`invalid publish opts format: unknown key "${unknown}"`);
  const {
    published = '',
    target = '',
    protocol = 'tcp',
  } = Object.fromEntries(fields) as Record<string, string>;
  return `${published}:${target}/${protocol}`;
}

function fail(message: string): never {
  throw new UsageError(message);
}
