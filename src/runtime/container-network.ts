import type { Store } from '../../layers/index.ts';
import { type IpAddress, parseIp } from '../network/address.ts';
import type { Endpoint, NetworkNamespace } from '../network/network.ts';
import { openBridgeNetwork } from '../network/open-network.ts';
import { PortError, type PublishedPort, publishPorts } from '../network/publish.ts';
import type { ContainerState, NetworkState } from './container-state.ts';
import { RuntimeError } from './errors.ts';
import { requestedPorts } from './ports.ts';

/** The network of a container that this process looks after. */
export interface ContainerNetwork {
  /** Of the network namespace; without one the container's is new and empty. */
  readonly path?: string;
  /** Shares the host's. */
  readonly isHost: boolean;
  readonly state: NetworkState;
  /** Gives everything back. Idempotent. */
  close(): void;
}

/** Opens what the container's options ask for. */
export async function openContainerNetwork(
  _store: Store,
  container: ContainerState,
): Promise<ContainerNetwork> {
  const mode = container.options.network ?? 'bridge';
  const empty = { state: { endpoints: [], ports: [] }, close: () => {} };
  if (mode === 'host') return { ...empty, isHost: true };
  if (mode === 'none') return { ...empty, isHost: false };
  if (mode !== 'bridge' && mode !== 'default')
    throw new RuntimeError('BAD_OPTION', mode, `network ${mode} not found: use bridge, host or none`);
  const namespace = openBridgeNetwork({
    hairpin: requestedPorts(container).length > 0,
  });
  try {
    const published = await publish(container, namespace);
    const endpoints = namespace.endpoints.map((endpoint) => ({ network: 'bridge', ...endpoint }));
    return {
      path: namespace.path,
      isHost: false,
      state: { endpoints, ports: published.ports },
      close() {
        published.close();
        namespace.close();
      },
    };
  } catch (error) {
    namespace.close();
    throw error;
  }
}

interface Published {
  readonly ports: readonly PublishedPort[];
  close(): void;
}

async function publish(container: ContainerState, { endpoints }: NetworkNamespace): Promise<Published> {
  const requests = requestedPorts(container);
  const targets = endpoints.flatMap(addressesOf);
  if (requests.length === 0 || targets.length === 0) return { ports: [], close: () => {} };
  try {
    return await publishPorts(`tsbuild-port-${container.id.slice(0, 12)}`, requests, targets);
  } catch (error) {
    if (error instanceof PortError)
      throw new RuntimeError('CONFLICT', container.id, error.message, { cause: error });
    throw error;
  }
}

function addressesOf({ addresses }: Endpoint): readonly IpAddress[] {
  return addresses.map((address) => parseIp(address.split('/', 1)[0]!)!);
}
