import { randomBytes } from '../../layers/index.ts';
import type { NetlinkSocket } from '../linux/netlink-socket.ts';
import { formatIp, type IpAddress, ipBytes, type Subnet } from './address.ts';
import { type HeldAddress, holdAddress } from './addresses.ts';
import { addressDirectory, type Bridge, type BridgePlan, type BridgeSubnet, ensureBridge } from './bridge.ts';
import { addVeth, findLink, formatMac, linkUp, setHairpin } from './links.ts';
import type { Endpoint } from './network.ts';
import { newAddress, newDefaultRoute } from './routes.ts';

/** An interface that a namespace is to have. */
export interface EndpointPlan {
  readonly bridge: BridgePlan;
  /** Whether the way out is through this one. */
  readonly isDefaultRoute: boolean;
  /** Addresses to have, at most one of each family; of the others any free one. */
  readonly addresses?: readonly IpAddress[];
  /** Where free ones are taken from. */
  readonly ranges?: readonly Subnet[];
  readonly mac?: Uint8Array;
  /** It may reach itself by an address of the host. */
  readonly hairpin?: boolean;
}

/** An address that was asked for is another's, or not of the network. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/** A namespace under way: sockets on the host's side and on its own, and its descriptor. */
export interface Side {
  readonly host: NetlinkSocket;
  readonly inner: NetlinkSocket;
  readonly namespace: number;
}

export interface Attached {
  readonly endpoint: Endpoint;
  readonly addresses: readonly HeldAddress[];
}

/** Gives the namespace an interface on the bridge, which is up when this returns. */
export function attach(side: Side, plan: EndpointPlan, name: string): Attached {
  const bridge = ensureBridge(side.host, plan.bridge);
  const addresses: HeldAddress[] = [];
  try {
    for (const subnet of bridge.subnets) addresses.push(hold(bridge, subnet, plan));
    // Docker's scheme: locally administered, and derived from the address, so that neighbours' caches stay right.
    const mac =
      plan.mac ?? Buffer.concat([Buffer.from([0x02, 0x42]), ipBytes(addresses[0]!.address).subarray(-4)]);
    connect(side, bridge, addresses, {
      name,
      mac,
      isDefaultRoute: plan.isDefaultRoute,
      hairpin: plan.hairpin ?? false,
    });
    const gateways = bridge.internal ? [] : bridge.subnets.map(({ gateway }) => formatIp(gateway));
    const texts = bridge.subnets.map(
      ({ subnet }, index) => `${formatIp(addresses[index]!.address)}/${subnet.prefix}`,
    );
    return {
      endpoint: { interface: name, addresses: texts, gateways, macAddress: formatMac(mac) },
      addresses,
    };
  } catch (error) {
    for (const address of addresses) address.release();
    throw error;
  }
}

function hold(bridge: Bridge, { subnet, gateway }: BridgeSubnet, plan: EndpointPlan): HeldAddress {
  const wanted = plan.addresses?.find(({ family }) => family === subnet.family);
  const range = plan.ranges?.find(({ family }) => family === subnet.family);
  const held = holdAddress({
    directory: addressDirectory(bridge.name),
    subnet,
    gateway,
    ...(wanted && { wanted }),
    ...(range && { range }),
  });
  if (held === undefined) throw new AddressError(`Address already in use: ${formatIp(wanted!)}`);
  return held;
}

function connect(
  { host, inner, namespace }: Side,
  bridge: Bridge,
  addresses: readonly HeldAddress[],
  peer: {
    readonly name: string;
    readonly mac: Uint8Array;
    readonly isDefaultRoute: boolean;
    readonly hairpin: boolean;
  },
): void {
  // Not named by the address: the kernel takes a while to remove the interface of its last holder.
  const name = `tsv${randomBytes(4).toString('hex')}`;
  const { index: master, mtu } = bridge.link;
  addVeth(host, { name, master, mtu, peer: { name: peer.name, namespace, mac: peer.mac } });
  if (peer.hairpin) setHairpin(host, findLink(host, name)!.index);
  const { index } = findLink(inner, peer.name)!;
  const isWayOut = peer.isDefaultRoute && !bridge.internal;
  inner.batch([
    ...addresses.map(({ address }, at) => newAddress(index, address, bridge.subnets[at]!.subnet.prefix)),
    linkUp(index),
    ...(isWayOut ? bridge.subnets.map(({ gateway }) => newDefaultRoute(index, gateway)) : []),
  ]);
}
