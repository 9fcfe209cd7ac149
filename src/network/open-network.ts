import { randomBytes } from 'node:crypto';
import { closeSync, statSync } from 'node:fs';
import { NETLINK_ROUTE, NetlinkSocket, newNetworkNamespace } from '../linux/netlink-socket.ts';
import { holdAddress } from './addresses.ts';
import { ensureBridge } from './bridge.ts';
import { addAddress, addDefaultRoute, addVeth, findLink, formatIpv4, ipv4Bytes, setUp } from './links.ts';
import type { NetworkNamespace } from './network.ts';

/**
 * A network namespace on the bridge: an address of its own, a route out. The pair of interfaces disappears with the
 * namespace, which disappears with its last process and descriptor.
 */
export function openBridgeNetwork(): NetworkNamespace {
  const stateDirectory = hostStateDirectory();
  const host = new NetlinkSocket(NETLINK_ROUTE);
  const held: (() => void)[] = [];
  const release = () => {
    for (const give of held.splice(0).reverse()) give();
  };
  try {
    const bridge = ensureBridge(host, stateDirectory);
    const address = holdAddress(`${stateDirectory}/addresses`, bridge.subnet);
    held.push(address.release);
    const { fd, result: inner } = newNetworkNamespace(() => new NetlinkSocket(NETLINK_ROUTE));
    held.push(() => closeSync(fd));
    // Docker's scheme: locally administered, and derived from the address, so that neighbours' caches stay right.
    const mac = Buffer.concat([Buffer.from([0x02, 0x42]), ipv4Bytes(address.address)]);
    try {
      // Not named by the address: the kernel takes a while to remove the interface of its last holder.
      const name = `tsv${randomBytes(4).toString('hex')}`;
      addVeth(host, {
        name,
        master: bridge.link.index,
        mtu: bridge.link.mtu,
        peer: { name: 'eth0', namespace: fd, mac },
      });
      setUp(host, findLink(host, name)!.index);
      setUp(inner, findLink(inner, 'lo')!.index);
      const eth0 = findLink(inner, 'eth0')!;
      addAddress(inner, eth0.index, address.address, bridge.subnet.prefix);
      setUp(inner, eth0.index);
      addDefaultRoute(inner, eth0.index, bridge.gateway);
    } finally {
      inner.close();
    }
    return {
      path: `/proc/${process.pid}/fd/${fd}`,
      addresses: [`${formatIpv4(address.address)}/${bridge.subnet.prefix}`],
      gateway: formatIpv4(bridge.gateway),
      macAddress: [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
      close: release,
    };
  } catch (error) {
    release();
    throw error;
  } finally {
    host.close();
  }
}

/** State of the bridge belongs to the network namespace that it is in, not to a store. */
function hostStateDirectory(): string {
  return `/run/tsbuild/network-${statSync('/proc/self/ns/net').ino}`;
}
