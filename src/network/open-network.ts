import { closeSync } from 'node:fs';
import {
  inNetworkNamespace,
  NETLINK_ROUTE,
  NetlinkSocket,
  newNetworkNamespace,
} from '../linux/netlink-socket.ts';
import { attach, type EndpointPlan } from './attach.ts';
import { DEFAULT_BRIDGE } from './bridge.ts';
import { LOOPBACK, setUp } from './links.ts';
import type { Endpoint, NetworkNamespace } from './network.ts';

/** A network namespace on the default bridge: an address of its own, a route out. */
export function openBridgeNetwork(plan: Partial<EndpointPlan> = {}): NetworkNamespace {
  return openNetwork([{ bridge: DEFAULT_BRIDGE, isDefaultRoute: true, ...plan }]);
}

/**
 * A network namespace with an interface on each of the bridges. The pairs of interfaces disappear with the namespace,
 * which disappears with its last process and descriptor. `inside` runs in it when it is complete.
 */
export function openNetwork(plans: readonly EndpointPlan[], inside?: () => void): NetworkNamespace {
  const host = new NetlinkSocket(NETLINK_ROUTE);
  const held: (() => void)[] = [];
  const release = () => {
    for (const give of held.splice(0).reverse()) give();
  };
  try {
    const { fd, result: inner } = newNetworkNamespace(() => new NetlinkSocket(NETLINK_ROUTE));
    held.push(() => closeSync(fd));
    const endpoints: Endpoint[] = [];
    try {
      setUp(inner, LOOPBACK);
      for (const [index, plan] of plans.entries()) {
        const { endpoint, addresses } = attach({ host, inner, namespace: fd }, plan, `eth${index}`);
        for (const address of addresses) held.push(() => address.release());
        endpoints.push(endpoint);
      }
    } finally {
      inner.close();
    }
    if (inside !== undefined) inNetworkNamespace(fd, inside);
    return { path: `/proc/${process.pid}/fd/${fd}`, endpoints, close: release };
  } catch (error) {
    release();
    throw error;
  } finally {
    host.close();
  }
}
