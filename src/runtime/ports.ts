import type { Protocol } from '../network/nft-expressions.ts';
import type { PortRequest, PublishedPort } from '../network/publish.ts';
import type { ContainerOptions } from './container-options.ts';
import { type ContainerState, isRunning } from './container-state.ts';

/** What is to be published: what was asked for, and with `publishAll` whatever is exposed besides. */
export function requestedPorts(state: ContainerState): readonly PortRequest[] {
  const { ports = [], publishAll } = state.options;
  if (!publishAll) return ports;
  const named = new Set(ports.map(portName));
  const exposed = new Set(exposedBy(state));
  return [...ports, ...[...exposed].filter((name) => !named.has(name)).map(parsePortName)];
}

type ContainerPort = Pick<PortRequest, 'protocol' | 'containerPort'>;

/** `80/tcp`. */
export function portName({ protocol, containerPort }: ContainerPort): string {
  return `${containerPort}/${protocol}`;
}

const normalised = (name: string) => portName(parsePortName(name));

function parsePortName(name: string): ContainerPort {
  const [port, protocol = 'tcp'] = name.split('/');
  return { containerPort: Number(port), protocol: protocol.toLowerCase() as Protocol };
}

/** Docker's `NetworkSettings.Ports`; of a port that is exposed and not published null. */
export type PortMap = Readonly<
  Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
>;

export function portMap(state: ContainerState): PortMap {
  if (!isRunning(state)) return {};
  const map: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const name of exposedBy(state)) map[name] = null;
  for (const port of state.network?.ports ?? [])
    map[portName(port)] = [
      ...(map[portName(port)] ?? []),
      { HostIp: port.hostIp, HostPort: String(port.hostPort) },
    ];
  return map;
}

/** Docker's `Config.ExposedPorts`: of the image, of `--expose`, and whatever is published. */
export function exposedPorts(state: ContainerState): Readonly<Record<string, object>> | undefined {
  const names = [...exposedBy(state), ...(state.options.ports ?? []).map(portName)];
  return names.length === 0 ? undefined : Object.fromEntries(names.sort().map((name) => [name, {}]));
}

function exposedBy({ config, options }: ContainerState): readonly string[] {
  return [...Object.keys(config.ExposedPorts ?? {}), ...(options.exposedPorts ?? [])].map(normalised);
}

/** Docker's `HostConfig.PortBindings`: as it was asked for. */
export function portBindings({ ports = [] }: ContainerOptions): PortMap {
  const map: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    const { first = 0, last = 0 } = port.hostPorts ?? {};
    const HostPort = first === 0 ? '' : first === last ? `${first}` : `${first}-${last}`;
    map[portName(port)] = [...(map[portName(port)] ?? []), { HostIp: port.hostIp ?? '', HostPort }];
  }
  return map;
}

/**
 * Docker's column PORTS: `0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 9000/tcp`. Ports in a row that lead to ports in a
 * row are one range.
 */
export function portsText(state: ContainerState): string {
  if (!isRunning(state)) return '';
  const published = state.network?.ports ?? [];
  const names = new Set(published.map(portName));
  const exposed = [...new Set(exposedBy(state))].filter((name) => !names.has(name)).map(parsePortName);
  const byPort = (a: ContainerPort, b: ContainerPort) =>
    a.containerPort - b.containerPort || a.protocol.localeCompare(b.protocol);
  return [
    ...ranges([...published].sort(byPort)).map(formatRange),
    ...ranges(exposed.sort(byPort)).map(formatRange),
  ].join(', ');
}

type ShownPort = ContainerPort & Partial<Pick<PublishedPort, 'hostIp' | 'hostPort'>>;

interface Range {
  readonly first: ShownPort;
  readonly length: number;
}

function ranges(ports: readonly ShownPort[]): readonly Range[] {
  const found: Range[] = [];
  for (const port of ports) {
    const at = found.findIndex(({ first, length }) => continues(first, length, port));
    if (at === -1) found.push({ first: port, length: 1 });
    else found[at] = { ...found[at]!, length: found[at]!.length + 1 };
  }
  return found;
}

function continues(first: ShownPort, length: number, port: ShownPort): boolean {
  return (
    port.protocol === first.protocol &&
    port.hostIp === first.hostIp &&
    port.containerPort === first.containerPort + length &&
    (first.hostPort === undefined || port.hostPort === first.hostPort + length)
  );
}

function formatRange({ first, length }: Range): string {
  const span = (port: number) => (length === 1 ? `${port}` : `${port}-${port + length - 1}`);
  const inside = `${span(first.containerPort)}/${first.protocol}`;
  if (first.hostIp === undefined || first.hostPort === undefined) return inside;
  return `${formatHostIp(first.hostIp)}:${span(first.hostPort)}->${inside}`;
}

/** IPv6 in brackets. */
export function formatHostIp(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}
