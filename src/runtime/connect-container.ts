import { closeSync, openSync } from 'node:fs';
import type { Store } from '../../layers/index.ts';
import { inNetworkNamespace, NETLINK_ROUTE, NetlinkSocket } from '../linux/netlink-socket.ts';
import { parseIp } from '../network/address.ts';
import { giveBack } from '../network/addresses.ts';
import { AddressError, attach } from '../network/attach.ts';
import { addressDirectory } from '../network/bridge.ts';
import { deleteLink, findLink } from '../network/links.ts';
import type { NetworkRequest } from './container-options.ts';
import { type ContainerState, type EndpointState, isRunning, networkNames } from './container-state.ts';
import { ContainerStore } from './container-store.ts';
import { endpointPlan, endpointState, type PlannedEndpoint, plannedEndpoints } from './endpoint-plans.ts';
import { RuntimeError } from './errors.ts';
import type { NetworkRecord } from './network-record.ts';
import { isAlive } from './process-identity.ts';

/** Puts a container on a further network: at once when it runs, and at each start from now on. */
export async function connectContainer(
  store: Store,
  network: NetworkRecord,
  name: string,
  request: Omit<NetworkRequest, 'name'>,
): Promise<void> {
  const containers = new ContainerStore(store);
  const state = containers.find(name);
  requireOwnNetwork(state);
  if (
    endpointOn(state, network) !== undefined ||
    requestsOf(state).some((each) => each.name === network.name)
  )
    throw new RuntimeError(
      'CONFLICT',
      name,
      `endpoint with name ${state.name} already exists in network ${network.name}`,
    );
  const [planned] = plannedEndpoints(store, { networks: [{ name: network.name, ...request }] });
  const networks = [...requestsOf(state), planned!.request];
  const options = { ...state.options, networks };
  if (!isRunning(state)) return containers.update(state.id, { options });
  const endpoints = state.network?.endpoints ?? [];
  const added = attachRunning(state, planned!);
  await containers.update(state.id, {
    options,
    network: { ports: state.network?.ports ?? [], endpoints: [...endpoints, added] },
  });
}

function attachRunning(state: ContainerState, planned: PlannedEndpoint): EndpointState {
  const endpoints = state.network?.endpoints ?? [];
  const isDefaultRoute = endpoints.every(({ gateways }) => gateways.length === 0);
  return withSockets(state, (host, inner, namespace) => {
    const used = endpoints.map((each) => Number(each.interface.slice('eth'.length)));
    const plan = endpointPlan(planned, { isDefaultRoute });
    const { endpoint, addresses } = attach(
      { host, inner, namespace },
      plan,
      `eth${Math.max(-1, ...used) + 1}`,
    );
    for (const address of addresses) address.handOver(state.process!.pid);
    return endpointState(planned, endpoint);
  });
}

/** Takes a container off a network, for now and for each start from now on. */
export async function disconnectContainer(store: Store, network: NetworkRecord, name: string): Promise<void> {
  const containers = new ContainerStore(store);
  const state = containers.find(name);
  const networks = requestsOf(state).filter((each) => ![network.name, network.id].includes(each.name));
  const endpoint = endpointOn(state, network);
  if (endpoint === undefined && networks.length === requestsOf(state).length)
    throw new RuntimeError(
      'CONFLICT',
      name,
      `container ${state.id} is not connected to network ${network.name}`,
    );
  const [first] = networks;
  const options = { ...state.options, networks, network: first?.name ?? 'none' };
  if (endpoint === undefined || !isRunning(state)) return containers.update(state.id, { options });
  withSockets(state, (_, inner) => {
    if (findLink(inner, endpoint.interface) !== undefined) deleteLink(inner, endpoint.interface);
  });
  for (const address of endpoint.addresses)
    giveBack(addressDirectory(network.bridge), parseIp(address.split('/', 1)[0]!)!);
  const endpoints = (state.network?.endpoints ?? []).filter((each) => each !== endpoint);
  await containers.update(state.id, { options, network: { ports: state.network?.ports ?? [], endpoints } });
}

function endpointOn({ network, ...state }: ContainerState, { id }: NetworkRecord): EndpointState | undefined {
  return isRunning(state) ? network?.endpoints.find(({ networkId }) => networkId === id) : undefined;
}

/** What it is on by its options; of one that was taken off all, nothing. */
function requestsOf(state: ContainerState): readonly NetworkRequest[] {
  const { networks, network } = state.options;
  if (networks !== undefined) return networks;
  return network === 'none' ? [] : networkNames({ ...state, status: 'exited' }).map((name) => ({ name }));
}

function requireOwnNetwork({ options: { network = 'bridge' } }: ContainerState): void {
  if (network === 'host')
    throw new RuntimeError(
      'BAD_OPTION',
      network,
      'cannot connect container to host network - container must be created in host network mode',
    );
  if (network.startsWith('container:'))
    throw new RuntimeError(
      'BAD_OPTION',
      network,
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
}

/** On this side and in the network of a running container. */
function withSockets<T>(
  { id, process: init }: ContainerState,
  body: (host: NetlinkSocket, inner: NetlinkSocket, namespace: number) => T,
): T {
  const gone = () => new RuntimeError('CONFLICT', id, `container ${id} is not running`);
  if (init === undefined) throw gone();
  const namespace = openSync(`/proc/${init.pid}/ns/net`, 'r');
  try {
    // Opened first: a process that is still there has not been followed by another of its number.
    if (!isAlive(init)) throw gone();
    const host = new NetlinkSocket(NETLINK_ROUTE);
    const inner = inNetworkNamespace(namespace, () => new NetlinkSocket(NETLINK_ROUTE));
    try {
      return body(host, inner, namespace);
    } catch (error) {
      if (error instanceof AddressError)
        throw new RuntimeError('CONFLICT', id, error.message, { cause: error });
      throw error;
    } finally {
      inner.close();
      host.close();
    }
  } finally {
    closeSync(namespace);
  }
}
