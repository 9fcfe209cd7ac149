import { connectContainer, disconnectContainer } from '../runtime/connect-container.ts';
import type { NetworkRequest } from '../runtime/container-options.ts';
import { type ContainerState, isRunning } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { endpointId, isPredefined, type NetworkRecord } from '../runtime/network-record.ts';
import { NetworkStore, type NewNetwork } from '../runtime/network-store.ts';
import { ApiError } from './errors.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export { isPredefined, type NetworkRecord, type NewNetwork };

/** Every network, by name; the three that are always there among them. */
export function listNetworks(
  location: StoreLocation = {},
): Promise<readonly (NetworkRecord & { readonly inUse: boolean })[]> {
  return withStore(location, async (store) => {
    const running = await runningContainers(new ContainerStore(store));
    return new NetworkStore(store)
      .list()
      .map((network) => ({ ...network, inUse: running.some((state) => endpointOn(state, network)) }));
  });
}

/** Makes a network and its bridge. Throws `CONFLICT` for a name or a subnet that is taken. */
export function createNetwork(request: NewNetwork & StoreLocation): Promise<NetworkRecord> {
  const { storeRoot, ...network } = request;
  return withStore(storeRoot === undefined ? {} : { storeRoot }, (store) =>
    new NetworkStore(store).create(network),
  );
}

/** `docker network inspect`, one element. */
export type InspectedNetwork = ReturnType<typeof describeNetwork>;

/** Throws `NOT_FOUND`. */
export function inspectNetwork(name: string, location: StoreLocation = {}): Promise<InspectedNetwork> {
  return withStore(location, async (store) => {
    const network = new NetworkStore(store).find(name);
    return describeNetwork(network, await runningContainers(new ContainerStore(store)));
  });
}

/** Throws `NOT_FOUND`, and `CONFLICT` for one that is predefined or that a running container is on. */
export function removeNetwork(name: string, location: StoreLocation = {}): Promise<void> {
  return withStore(location, async (store) => {
    const networks = new NetworkStore(store);
    const network = networks.find(name);
    if (isPredefined(network.name))
      throw new ApiError('CONFLICT', name, `${network.name} is a pre-defined network and cannot be removed`);
    const users = (await runningContainers(new ContainerStore(store))).filter((state) =>
      endpointOn(state, network),
    );
    if (users.length > 0) {
      const list = users.map(
        (state) => `name:${JSON.stringify(state.name)} id:${JSON.stringify(endpointId(state, network))}`,
      );
      throw new ApiError(
        'CONFLICT',
        name,
        `error while removing network: network ${network.name} has active endpoints (${list.join(', ')})`,
      );
    }
    await networks.remove(network);
  });
}

/** Removes those that were made and that no running container is on. Resolves with their names. */
export async function pruneNetworks(
  request: StoreLocation & { readonly filter?: (network: NetworkRecord) => boolean } = {},
): Promise<readonly string[]> {
  const { filter = () => true, ...location } = request;
  const unused = (await listNetworks(location))
    .filter(({ name, inUse }) => !inUse && !isPredefined(name))
    .filter(filter);
  for (const { id } of unused) await removeNetwork(id, location);
  return unused.map(({ name }) => name);
}

/** Puts a container on a further network. */
export function connectNetwork(
  network: string,
  container: string,
  request: StoreLocation & Omit<NetworkRequest, 'name'> = {},
): Promise<void> {
  const { storeRoot, ...endpoint } = request;
  return withStore(storeRoot === undefined ? {} : { storeRoot }, async (store) => {
    await new ContainerStore(store).reclaim();
    await connectContainer(store, new NetworkStore(store).find(network), container, endpoint);
  });
}

/** Takes a container off a network. */
export function disconnectNetwork(
  network: string,
  container: string,
  location: StoreLocation = {},
): Promise<void> {
  return withStore(location, async (store) => {
    await new ContainerStore(store).reclaim();
    await disconnectContainer(store, new NetworkStore(store).find(network), container);
  });
}

async function runningContainers(containers: ContainerStore): Promise<readonly ContainerState[]> {
  await containers.reclaim();
  return containers.list().filter(isRunning);
}

const endpointOn = ({ network }: ContainerState, { id }: NetworkRecord) =>
  network?.endpoints.find(({ networkId }) => networkId === id);

function describeNetwork(network: NetworkRecord, running: readonly ContainerState[]) {
  const containers = running.flatMap((state) => {
    const endpoint = endpointOn(state, network);
    if (endpoint === undefined) return [];
    const [v4 = '', v6 = ''] = [false, true].map((six) =>
      endpoint.addresses.find((text) => text.includes(':') === six),
    );
    const { macAddress } = endpoint;
    const described = {
      Name: state.name,
      EndpointID: endpointId(state, network),
      MacAddress: macAddress,
      IPv4Address: v4,
      IPv6Address: v6,
    };
    return [[state.id, described] as const];
  });
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: network.ipv6,
    IPAM: {
      Driver: 'default',
      Options: {},
      Config: network.subnets.map(({ subnet, range, gateway }) => ({
        Subnet: subnet,
        ...(range !== undefined && { IPRange: range }),
        Gateway: gateway,
      })),
    },
    Internal: network.internal,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(containers),
    Options: network.options,
    Labels: network.labels,
  };
}
