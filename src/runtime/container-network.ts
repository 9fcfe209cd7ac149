import { closeSync, openSync } from 'node:fs';
import type { Store } from '../../layers/index.ts';
import { parseIp } from '../network/address.ts';
import { AddressError } from '../network/attach.ts';
import type { NameSockets } from '../network/name-sockets.ts';
import { openNetwork } from '../network/open-network.ts';
import { PortError, type Published, publishPorts } from '../network/publish.ts';
import { hostResolver } from '../network/resolver.ts';
import { containerNames, isNamed } from './container-names.ts';
import type { HostEntry } from './container-options.ts';
import { type ContainerState, type EndpointState, isRunning, type NetworkState } from './container-state.ts';
import { ContainerStore } from './container-store.ts';
import { endpointPlan, endpointState, isUserDefined, plannedEndpoints } from './endpoint-plans.ts';
import { RuntimeError } from './errors.ts';
import { requestedPorts } from './ports.ts';
import { isAlive } from './process-identity.ts';

/** The network of a container that this process looks after. */
export interface ContainerNetwork {
  /** Of the network namespace; without one the container's is new and empty. */
  readonly path?: string;
  /** Shares the host's. */
  readonly isHost: boolean;
  readonly state: NetworkState;
  /** Lines of /etc/hosts for other containers. */
  readonly links: readonly HostEntry[];
  /** The container whose network it shares. */
  readonly sharedWith?: ContainerState;
  /** Gives everything back. Idempotent. */
  close(): void;
}

/** Opens what the container's options ask for. */
export async function openContainerNetwork(
  store: Store,
  container: ContainerState,
): Promise<ContainerNetwork> {
  const { network: mode = 'bridge', networks = [] } = container.options;
  const nothing = { state: { endpoints: [], ports: [] }, links: [], isHost: false, close: () => {} };
  if (networks.length <= 1 && mode === 'none') return nothing;
  if (networks.length <= 1 && mode === 'host') return { ...nothing, isHost: true };
  if (mode.startsWith('container:')) return joinNetwork(store, container, mode.slice('container:'.length));
  return openEndpoints(store, container);
}

async function openEndpoints(store: Store, container: ContainerState): Promise<ContainerNetwork> {
  const planned = plannedEndpoints(store, container.options);
  const hairpin = requestedPorts(container).length > 0;
  const hasNames = planned.some(({ network }) => isUserDefined(network));
  const links = linkEntries(store, container);
  const { openNameSockets } = hasNames
    ? await import('../network/name-sockets.ts')
    : { openNameSockets: undefined };
  let sockets: NameSockets | undefined;
  const inside = () => {
    sockets = openNameSockets?.();
  };
  const plans = planned.map((each, index) => endpointPlan(each, { isDefaultRoute: index === 0, hairpin }));
  const namespace = told(() => openNetwork(plans, inside));
  const endpoints = namespace.endpoints.map((endpoint, index) => endpointState(planned[index]!, endpoint));
  const opened: (() => void)[] = [namespace.close];
  const close = () => {
    for (const end of opened.splice(0).reverse()) end();
  };
  try {
    if (sockets !== undefined)
      opened.push(
        await answerNames(
          store,
          container,
          sockets,
          planned.every(({ network }) => network.internal),
        ),
      );
    const published = await publish(container, endpoints);
    opened.push(published.close);
    return {
      path: namespace.path,
      isHost: false,
      state: { endpoints, ports: published.ports },
      links,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** What is wrong with an address is the user's to know. */
function told<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof AddressError)
      throw new RuntimeError('CONFLICT', 'ip', error.message, { cause: error });
    throw error;
  }
}

/** From a network that nothing gets out of, no questions do either. */
async function answerNames(
  store: Store,
  { id, options }: ContainerState,
  sockets: NameSockets,
  internal: boolean,
): Promise<() => void> {
  const { serveNames } = await import('../network/name-server.ts');
  const given = options.dns?.length ? options.dns : hostResolver({ loopback: true }).nameservers;
  return serveNames(sockets, containerNames(store, id), internal ? [] : given);
}

async function publish(container: ContainerState, endpoints: readonly EndpointState[]): Promise<Published> {
  const requests = requestedPorts(container);
  const reachable = endpoints.find(({ gateways }) => gateways.length > 0);
  if (requests.length === 0 || reachable === undefined) return { ports: [], close: () => {} };
  const targets = reachable.addresses.map((address) => parseIp(address.split('/', 1)[0]!)!);
  try {
    return await publishPorts(`tsbuild-port-${container.id.slice(0, 12)}`, requests, targets);
  } catch (error) {
    if (error instanceof PortError)
      throw new RuntimeError('CONFLICT', container.id, error.message, { cause: error });
    throw error;
  }
}

/** The network of another container, which has to run. */
function joinNetwork(store: Store, { id, options }: ContainerState, name: string): ContainerNetwork {
  const conflict = (what: string) =>
    new RuntimeError('BAD_OPTION', name, `conflicting options: ${what} and the container type network mode`);
  if (options.ports?.length || options.publishAll) throw conflict('port publishing');
  if (options.hostname) throw conflict('hostname');
  if (options.dns?.length) throw conflict('dns');
  if (options.extraHosts?.length) throw conflict('custom host-to-IP mapping');
  const other = findContainer(store, name);
  if (other.id === id) throw new RuntimeError('BAD_OPTION', name, 'cannot join own network namespace');
  const init = other.process;
  if (!isRunning(other) || init === undefined)
    throw new RuntimeError(
      'CONFLICT',
      name,
      `cannot join network namespace of a non running container: ${other.id}`,
    );
  const fd = openSync(`/proc/${init.pid}/ns/net`, 'r');
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  // Opened first: a process that is still there has not been followed by another of its number.
  if (!isAlive(init)) {
    close();
    throw new RuntimeError(
      'CONFLICT',
      name,
      `cannot join network namespace of a non running container: ${other.id}`,
    );
  }
  const isHost = other.options.network === 'host';
  const path = `/proc/${process.pid}/fd/${fd}`;
  return { path, isHost, state: { endpoints: [], ports: [] }, links: [], sharedWith: other, close };
}

function findContainer(store: Store, name: string): ContainerState {
  try {
    return new ContainerStore(store).find(name);
  } catch (cause) {
    const message = `joining network namespace of container: No such container: ${name}`;
    throw new RuntimeError('NOT_FOUND', name, message, { cause });
  }
}

/** What `--link` says in /etc/hosts. */
function linkEntries(store: Store, { options: { links = [] } }: ContainerState): readonly HostEntry[] {
  if (links.length === 0) return [];
  const all = new ContainerStore(store).list();
  return links.map(({ container, alias }) => {
    const other = all.find((state) => isNamed(state, container));
    if (other === undefined)
      throw new RuntimeError(
        'NOT_FOUND',
        container,
        `could not get container for ${container}: No such container: ${container}`,
      );
    const address = other.network?.endpoints[0]?.addresses[0]?.split('/', 1)[0];
    if (!isRunning(other) || address === undefined)
      throw new RuntimeError(
        'CONFLICT',
        container,
        `Cannot link to a non running container: /${other.name} AS ${alias}`,
      );
    const names = [alias, other.options.hostname ?? other.id.slice(0, 12), other.name];
    return { host: [...new Set(names)].join(' '), ip: address };
  });
}
