import { createHash } from '../../layers/index.ts';
import { parseIp, parseSubnet, type Subnet } from '../network/address.ts';
import type { BridgePlan } from '../network/bridge.ts';
import { DEFAULT_BRIDGE } from '../network/bridge.ts';

/** A network as the store keeps it. */
export interface NetworkRecord {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  readonly driver: 'bridge' | 'host' | 'null';
  /** Name of the bridge; empty where there is none. */
  readonly bridge: string;
  readonly subnets: readonly SubnetRecord[];
  /** Nothing gets in or out. */
  readonly internal: boolean;
  readonly ipv6: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the driver, as they were given. */
  readonly options: Readonly<Record<string, string>>;
}

/** Addresses as text: `172.29.0.0/16`, `172.29.0.1`. */
export interface SubnetRecord {
  readonly subnet: string;
  readonly gateway: string;
  /** Where addresses of containers are taken from; the whole subnet unless told. */
  readonly range?: string;
}

/** Names that stand for what is there always. */
export const PREDEFINED = ['bridge', 'host', 'none'] as const;

/** Docker's three. They are the same in every store. */
export function predefinedNetworks(): readonly NetworkRecord[] {
  const common = {
    created: '1970-01-01T00:00:00Z',
    subnets: [],
    internal: false,
    ipv6: false,
    labels: {},
    options: {},
  };
  const drivers = { bridge: 'bridge', host: 'host', none: 'null' } as const;
  return PREDEFINED.map((name) => ({
    ...common,
    id: createHash('sha256').update(`tsbuild network ${name}`).digest('hex'),
    name,
    driver: drivers[name],
    bridge: name === 'bridge' ? DEFAULT_BRIDGE.name : '',
  }));
}

export function isPredefined(name: string): boolean {
  return (PREDEFINED as readonly string[]).includes(name);
}

/** The options of Docker's bridge driver that are heeded. */
export const BRIDGE_OPTION = {
  name: 'com.docker.network.bridge.name',
  mtu: 'com.docker.network.driver.mtu',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
} as const;

export function bridgePlan(network: NetworkRecord): BridgePlan {
  const { bridge: name, subnets, internal, options } = network;
  if (name === DEFAULT_BRIDGE.name) return DEFAULT_BRIDGE;
  const mtu = Number(options[BRIDGE_OPTION.mtu]);
  return {
    name,
    internal,
    masquerade: options[BRIDGE_OPTION.masquerade] !== 'false',
    ...(mtu > 0 && { mtu }),
    ...(subnets.length > 0 && {
      subnets: subnets.map(({ subnet, gateway }) => ({
        subnet: parseSubnet(subnet)!,
        gateway: parseIp(gateway)!,
      })),
    }),
  };
}

export function rangesOf({ subnets }: NetworkRecord): readonly Subnet[] {
  return subnets.flatMap(({ range }) => (range === undefined ? [] : [parseSubnet(range)!]));
}

/** Of a container on a network; 64 hex digits, for those who compare them. */
export function endpointId(container: { readonly id: string }, network: { readonly id: string }): string {
  return createHash('sha256').update(`${container.id} ${network.id}`).digest('hex');
}
