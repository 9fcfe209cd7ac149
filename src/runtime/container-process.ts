import { constants } from 'node:os';
import { join } from 'node:path';
import type { Layer, OverlayRoot, Store } from '../../layers/index.ts';
import { launch } from '../sandbox/launch.ts';
import type { CgroupWish, RunningProcess } from '../sandbox/sandbox.ts';
import type { Spec } from '../sandbox/spec.ts';
import type { StartRequest } from './container.ts';
import type { ContainerMount } from './container-mounts.ts';
import type { ContainerNetwork } from './container-network.ts';
import type { ContainerOptions } from './container-options.ts';
import { containerSpec, hostnameOf, specResources } from './container-spec.ts';
import type { ContainerState } from './container-state.ts';
import type { ContainerStore } from './container-store.ts';
import { asksForDevices } from './device-rules.ts';
import { isUserDefined } from './endpoint-plans.ts';
import { RuntimeError } from './errors.ts';
import { allHostDevices, type GrantedDevice, requestedDevices } from './host-devices.ts';
import { type JoinedNamespaces, openJoined } from './joined-namespaces.ts';
import { networkFiles, type ProvidedFile } from './network-files.ts';
import { resolveUser } from './passwd.ts';

/** What a container's process is made of, once all of it is ready. */
export interface ProcessInput {
  readonly store: Store;
  readonly state: ContainerState;
  /** Bottom first. */
  readonly layers: readonly Layer[];
  readonly request: StartRequest;
  readonly network: ContainerNetwork;
  readonly mounts: readonly ContainerMount[];
}

/** Starts the command over the image's layers and the directory for what it writes. */
export async function startProcess(containers: ContainerStore, input: ProcessInput): Promise<RunningProcess> {
  const { layers, state } = input;
  const { id, options, remove } = state;
  const { stdio, mechanism, signal } = input.request;
  const overlay: OverlayRoot = {
    lower: layers.map((layer) => layer.directory()),
    ...containers.makeWritable(id),
    volatile: remove,
  };
  const files = filesOf(input);
  const trees = input.mounts.flatMap(({ tree }) => tree ?? []);
  if (isOther(options.runtime) && trees.length > 0)
    throw new RuntimeError('BAD_OPTION', 'volume-subpath', 'volume-subpath does not go with --runtime');
  const joined = openJoined(options, (name) => containers.find(name));
  const start = async (spec: Spec) =>
    isOther(options.runtime)
      ? (await import('../sandbox/external-runtime.ts')).launchExternal(spec, {
          ...otherRuntime(options, containers.directoryOf(id)),
          id,
          overlay,
          stdio,
          files,
        })
      : launch(spec, {
          overlay,
          stdio,
          files,
          cgroup: wishForCgroup(options, input.request.managed),
          shared: joined.shared,
          trees,
          ...(mechanism && { mechanism }),
          ...(options.init && { init: true }),
        });
  const started = await start(specOf(input, joined)).finally(joined.close);
  const kill = () => started.kill(constants.signals.SIGKILL);
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted) kill();
  return started;
}

/** Docker's names for what it runs containers with unless told mean this program. */
const isOther = (runtime: string | undefined): runtime is string =>
  runtime !== undefined && !['', 'io.containerd.runc.v2'].includes(runtime);

function otherRuntime({ runtime = '', init, joinNamespaces }: ContainerOptions, directory: string) {
  if (init) throw unsupportedThere(runtime, '--init');
  if (joinNamespaces?.ipc !== undefined) throw unsupportedThere(runtime, '--ipc container:NAME');
  return { runtime, directory: join(directory, 'runtime') };
}

function unsupportedThere(runtime: string, option: string): RuntimeError {
  return new RuntimeError('BAD_OPTION', option, `${option} cannot be had with --runtime ${runtime}`);
}

/** Without one a limited container would not be what was asked for, and a managed one could not be paused. */
function wishForCgroup(options: ContainerOptions, managed: boolean): CgroupWish {
  if (specResources(options.resources) !== undefined || asksForDevices(options)) return 'needed';
  return managed ? 'wanted' : 'cheap';
}

function specOf({ store, state, layers, network, mounts }: ProcessInput, joined: JoinedNamespaces): Spec {
  const { id, config, options } = state;
  return containerSpec({
    id,
    config,
    options,
    user: resolveUser(
      store.snapshots.view(layers),
      options.user ?? config.User ?? '',
      options.groupAdd ?? [],
    ),
    network: networkChoice(network),
    mounts: mounts.flatMap(({ spec }) => spec ?? []),
    devices: devicesOf(options),
    joined: joined.paths,
  });
}

function devicesOf({ privileged, devices = [] }: ContainerOptions): readonly GrantedDevice[] {
  return [...(privileged ? allHostDevices() : []), ...requestedDevices(devices)];
}

const networkChoice = ({ isHost, path, sharedWith }: ContainerNetwork) => ({
  host: isHost,
  ...(path !== undefined && !isHost && { path }),
  ...(sharedWith && { hostname: hostnameOf({ ...sharedWith, network: { host: isHost } }) }),
});

/** A mount of the user's own at the same place comes before them. */
function filesOf({ state, network, mounts }: ProcessInput): readonly ProvidedFile[] {
  // Who shares a network shares what is said of it.
  const { id, options } = network.sharedWith ?? state;
  const { endpoints } = network.sharedWith?.network ?? network.state;
  const { domainname, dns, dnsSearch, dnsOptions } = options;
  const gateway = endpoints[0]?.gateways[0];
  const files = networkFiles({
    hostname: hostnameOf({ id, options, network: networkChoice(network) }),
    ...(domainname && { domainname }),
    addresses: endpoints.flatMap(({ addresses }) => addresses).map((address) => address.replace(/\/.*/, '')),
    ...(gateway !== undefined && { gateway }),
    sharesHostNetwork: network.isHost,
    hasNameServer: endpoints.some((endpoint) => isUserDefined({ name: endpoint.network })),
    extraHosts: [...(options.extraHosts ?? []), ...network.links],
    ...(dns && { dns }),
    ...(dnsSearch && { dnsSearch }),
    ...(dnsOptions && { dnsOptions }),
    readonly: state.options.readOnly ?? false,
  });
  return files.filter(({ path }) => !mounts.some((mount) => mount.state.target === path));
}
