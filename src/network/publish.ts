import { existsSync, readFileSync } from 'node:fs';
import { formatIp, type IpAddress } from './address.ts';
import type { Forwarder } from './forwarder.ts';
import type { Protocol } from './nft-expressions.ts';
import { type PublishedPort, redirectPorts } from './port-rules.ts';
import { forwardTcp } from './tcp-forwarder.ts';
import { forwardUdp } from './udp-forwarder.ts';

export type { PublishedPort };

/** A port of a container that is to be reached from outside. */
export interface PortRequest {
  readonly protocol: Protocol;
  readonly containerPort: number;
  /** Address of the host; all of them unless told. */
  readonly hostIp?: string;
  /** The first free one of these; any that is free unless told. */
  readonly hostPorts?: { readonly first: number; readonly last: number };
}

export interface Published {
  readonly ports: readonly PublishedPort[];
  close(): void;
}

/** A port of the host cannot be had. */
export class PortError extends Error {
  override readonly name = 'PortError';
}

/**
 * Makes ports of a container reachable at ports of the host. Sockets of this process hold these ports and serve what
 * comes from the host's loopback; all else the kernel translates. Nothing of it outlives this process.
 */
export async function publishPorts(
  table: string,
  requests: readonly PortRequest[],
  targets: readonly IpAddress[],
): Promise<Published> {
  const forwarders: Forwarder[] = [];
  const close = () => {
    for (const forwarder of forwarders) forwarder.close();
  };
  try {
    const ports: PublishedPort[] = [];
    for (const request of requests) {
      const taken = await takePort(request, targets);
      forwarders.push(...taken.map(({ forwarder }) => forwarder));
      ports.push(...taken.map(({ port }) => port));
    }
    const undo = redirectPorts(table, ports, targets);
    forwarders.push({ port: 0, close: undo });
    return { ports, close };
  } catch (error) {
    close();
    throw error;
  }
}

interface Taken {
  readonly port: PublishedPort;
  readonly forwarder: Forwarder;
}

/** How often another free port is tried when one is free for one family of addresses alone. */
const TRIES = 16;

async function takePort(request: PortRequest, targets: readonly IpAddress[]): Promise<readonly Taken[]> {
  const { first, last } = request.hostPorts ?? { first: 0, last: 0 };
  const candidates =
    first === 0
      ? Array.from({ length: TRIES }, () => 0)
      : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  let failure: unknown;
  for (const candidate of candidates) {
    try {
      return await takeEverywhere(request, candidate, targets);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The same port at each address of the host that was asked for. */
async function takeEverywhere(
  request: PortRequest,
  wanted: number,
  targets: readonly IpAddress[],
): Promise<readonly Taken[]> {
  const { protocol, containerPort, hostIp } = request;
  const hostIps = hostIp === undefined ? ['0.0.0.0', ...(hasIpv6() ? ['::'] : [])] : [hostIp];
  const taken: Taken[] = [];
  try {
    for (const ip of hostIps) {
      const port = taken[0]?.forwarder.port ?? wanted;
      const forwarder = await listen(protocol, { ip, port }, targetOf(ip, targets, containerPort));
      taken.push({ port: { protocol, containerPort, hostIp: ip, hostPort: forwarder.port }, forwarder });
    }
    return taken;
  } catch (error) {
    for (const { forwarder } of taken) forwarder.close();
    throw error;
  }
}

/** Of the same family where the container has one. */
function targetOf(hostIp: string, targets: readonly IpAddress[], port: number) {
  const family = hostIp.includes(':') ? 6 : 4;
  const target = targets.find((each) => each.family === family) ?? targets[0]!;
  return { host: formatIp(target), port };
}

async function listen(
  protocol: Protocol,
  at: { readonly ip: string; readonly port: number },
  target: { readonly host: string; readonly port: number },
): Promise<Forwarder> {
  try {
    return await (protocol === 'udp' ? forwardUdp(at, target) : forwardTcp(at, target));
  } catch (error) {
    throw portError(error, at);
  }
}

function portError(error: unknown, { ip, port }: { readonly ip: string; readonly port: number }): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  const where = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
  if (code === 'EADDRINUSE')
    return new PortError(`Bind for ${where} failed: port is already allocated`, { cause: error });
  if (code === undefined) return error;
  const reason = code === 'EADDRNOTAVAIL' ? 'cannot assign requested address' : message;
  return new PortError(`Bind for ${where} failed: ${reason}`, { cause: error });
}

/** Whether an interface of the host has an IPv6 address; the file is there also where IPv6 is turned off. */
function hasIpv6(): boolean {
  const file = '/proc/net/if_inet6';
  return existsSync(file) && readFileSync(file, 'latin1') !== '';
}
