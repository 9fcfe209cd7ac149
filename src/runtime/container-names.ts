import type { Store } from '../../layers/index.ts';
import { formatIp, type IpAddress, parseIp } from '../network/address.ts';
import type { Names } from '../network/name-answer.ts';
import { type ContainerState, type EndpointState, isRunning } from './container-state.ts';
import { ContainerStore } from './container-store.ts';
import { isUserDefined } from './endpoint-plans.ts';
import { isAlive } from './process-identity.ts';

/** The names that a container can ask for: those of running containers of its networks, as the store has them by then. */
export function containerNames(store: Store, id: string): Names {
  const containers = new ContainerStore(store);
  const known = () => {
    const running = containers.list().filter(isThere);
    const own = containers.get(id);
    const networks = new Set(own?.network?.endpoints.filter(named).map(({ networkId }) => networkId));
    const links = own?.options.links ?? [];
    return running.flatMap((state) =>
      (state.network?.endpoints ?? [])
        .filter((endpoint) => networks.has(endpoint.networkId))
        .map((endpoint) => ({
          endpoint,
          names: [
            ...namesOf(state, endpoint),
            ...links
              .filter(({ container }) => isNamed(state, container))
              .map(({ alias }) => alias.toLowerCase()),
          ],
          primary: `${state.name}.${endpoint.network}`,
        })),
    );
  };
  return {
    addressesOf(name) {
      const found = known().filter(({ names, endpoint }) => isAmong(name, names, endpoint.network));
      return found.length === 0 ? undefined : found.flatMap(({ endpoint }) => addressesOf(endpoint));
    },
    nameOf(address) {
      const text = formatIp(address);
      return known().find(({ endpoint }) => addressesOf(endpoint).some((each) => formatIp(each) === text))
        ?.primary;
    },
  };
}

const named = ({ network }: EndpointState) => isUserDefined({ name: network });

/** Not one whose end nobody has recorded yet. */
function isThere(state: ContainerState): boolean {
  return isRunning(state) && state.process !== undefined && isAlive(state.process);
}

export function isNamed({ id, name }: Pick<ContainerState, 'id' | 'name'>, text: string): boolean {
  const wanted = text.replace(/^\//, '');
  return name === wanted || (wanted.length >= 12 && id.startsWith(wanted));
}

/** What a container is called on a network; lower case, as names are compared. */
export function namesOf(
  { id, name, options }: ContainerState,
  { aliases = [] }: Pick<EndpointState, 'aliases'>,
): readonly string[] {
  const all = [name, ...aliases, id.slice(0, 12), ...(options.hostname ? [options.hostname] : [])];
  return [...new Set(all.map((each) => each.toLowerCase()))];
}

/** By itself, or followed by the network's name. */
function isAmong(name: string, names: readonly string[], network: string): boolean {
  const suffix = `.${network.toLowerCase()}`;
  return names.includes(name) || (name.endsWith(suffix) && names.includes(name.slice(0, -suffix.length)));
}

function addressesOf({ addresses }: EndpointState): readonly IpAddress[] {
  return addresses.map((address) => parseIp(address.split('/', 1)[0]!)!);
}
