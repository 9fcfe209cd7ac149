import { constants } from 'node:os';
import type { OverlayRoot, Store } from '../../layers/index.ts';
import type { NetworkNamespace } from '../network/network.ts';
import { openBridgeNetwork } from '../network/open-network.ts';
import { launch } from '../sandbox/launch.ts';
import type { RunningProcess } from '../sandbox/sandbox.ts';
import type { Device, Spec } from '../sandbox/spec.ts';
import type { StartRequest } from './container.ts';
import type { ContainerMount } from './container-mounts.ts';
import type { ContainerOptions } from './container-options.ts';
import { containerSpec, hostnameOf } from './container-spec.ts';
import type { ContainerStore } from './container-store.ts';
import { RuntimeError } from './errors.ts';
import { allHostDevices, requestedDevices } from './host-devices.ts';
import { networkFiles, type ProvidedFile } from './network-files.ts';
import { resolveUser } from './passwd.ts';

/** What a container's process is made of, once all of it is ready. */
export interface ProcessInput {
  readonly id: string;
  readonly request: StartRequest;
  readonly network: NetworkNamespace | undefined;
  readonly mounts: readonly ContainerMount[];
}

/** Starts the command over the image's layers and a new directory for what it writes. */
export async function startProcess(
  store: Store,
  containers: ContainerStore,
  input: ProcessInput,
): Promise<RunningProcess> {
  const { image, options, remove, stdio, mechanism, signal } = input.request;
  const overlay: OverlayRoot = {
    lower: image.layers.map((layer) => layer.directory()),
    ...containers.makeWritable(input.id),
    volatile: remove,
  };
  const started = await launch(specOf(store, input), {
    overlay,
    stdio,
    files: filesOf(input),
    ...(mechanism && { mechanism }),
    ...(options.init && { init: true }),
  });
  const kill = () => started.kill(constants.signals.SIGKILL);
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted) kill();
  return started;
}

function specOf(store: Store, { id, request, network, mounts }: ProcessInput): Spec {
  const { image, options } = request;
  const config = image.config.config ?? {};
  return containerSpec({
    id,
    config,
    options,
    user: resolveUser(
      store.snapshots.view(image.layers),
      options.user ?? config.User ?? '',
      options.groupAdd ?? [],
    ),
    network: networkChoice(options, network),
    mounts: mounts.map(({ spec }) => spec),
    devices: devicesOf(options),
  });
}

function devicesOf({ privileged, devices = [] }: ContainerOptions): readonly Device[] {
  return [...(privileged ? allHostDevices() : []), ...requestedDevices(devices)];
}

const networkChoice = (options: ContainerOptions, network: NetworkNamespace | undefined) => ({
  host: options.network === 'host',
  ...(network && { path: network.path }),
});

/** A mount of the user's own at the same place comes before them. */
function filesOf({ id, request, network, mounts }: ProcessInput): readonly ProvidedFile[] {
  const { options } = request;
  const { domainname, dns, dnsSearch, dnsOptions } = options;
  const files = networkFiles({
    hostname: hostnameOf({ id, options, network: networkChoice(options, network) }),
    ...(domainname && { domainname }),
    addresses: (network?.addresses ?? []).map((address) => address.replace(/\/.*/, '')),
    ...(network?.gateway !== undefined && { gateway: network.gateway }),
    sharesHostNetwork: options.network === 'host',
    extraHosts: options.extraHosts ?? [],
    ...(dns && { dns }),
    ...(dnsSearch && { dnsSearch }),
    ...(dnsOptions && { dnsOptions }),
    readonly: options.readOnly ?? false,
  });
  return files.filter(({ path }) => !mounts.some(({ state }) => state.target === path));
}

/** The namespace of `--network bridge`; none and host need no preparation. */
export function networkOf(options: ContainerOptions): NetworkNamespace | undefined {
  const mode = options.network ?? 'bridge';
  if (mode === 'host' || mode === 'none') return undefined;
  if (mode !== 'bridge' && mode !== 'default') {
    throw new RuntimeError('BAD_OPTION', mode, `network ${mode} not found: use bridge, host or none`);
  }
  return openBridgeNetwork();
}
