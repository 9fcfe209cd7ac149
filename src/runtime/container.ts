import { existsSync, mkdirSync } from 'node:fs';
import type { ImageConfig, Layer, OverlayRoot, Store } from '../../layers/index.ts';
import type { NetworkNamespace } from '../network/network.ts';
import { openBridgeNetwork } from '../network/open-network.ts';
import { launch } from '../sandbox/launch.ts';
import type { ExitStatus, RunningProcess, StartMechanism, Stdio } from '../sandbox/sandbox.ts';
import type { SpecMount } from '../sandbox/spec.ts';
import type { ContainerOptions, MountRequest } from './container-options.ts';
import { commandLine, containerSpec } from './container-spec.ts';
import { ContainerStore, ownIdentity } from './container-store.ts';
import { RuntimeError } from './errors.ts';
import { newContainerId, newContainerName } from './names.ts';
import { networkFiles } from './network-files.ts';
import { resolveUser } from './passwd.ts';
import { type Volume, VolumeStore } from './volumes.ts';

/** An image as a container needs it. */
export interface ContainerImage {
  /** As the user named it. */
  readonly name: string;
  /** Digest of its config. */
  readonly id: string;
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly layers: readonly Layer[];
}

export interface StartRequest {
  readonly image: ContainerImage;
  readonly options: ContainerOptions;
  readonly name?: string;
  readonly remove: boolean;
  readonly stdio: Stdio;
  readonly mechanism?: StartMechanism;
  /** Makes the (missing) directory a copy of what the image has at `path`; false when it has nothing there. */
  fillVolume(path: string, directory: string): Promise<boolean>;
}

export interface RunningContainer {
  readonly id: string;
  readonly name: string;
  readonly process: RunningProcess;
  /** When it has ended, its state is recorded and, with `remove`, nothing of it is left. */
  wait(): Promise<ExitStatus>;
}

/** Makes a container of an image and starts it. Throws before anything is left behind, or after removing it. */
export async function startContainer(store: Store, request: StartRequest): Promise<RunningContainer> {
  const containers = new ContainerStore(store);
  containers.reclaim();
  const id = newContainerId();
  const name = request.name ?? newContainerName(new Set(containers.list().map((state) => state.name)));
  const diffs = await Promise.all(request.image.layers.map((layer) => layer.diff));
  const config = request.image.config.config ?? {};
  const owned = new Volumes(store, request);
  const args = commandLine(config, request.options);
  await containers.create(
    {
      id,
      name,
      image: request.image.name,
      imageId: request.image.id,
      created: new Date().toISOString(),
      config,
      options: request.options,
      remove: request.remove,
      args,
      status: 'created',
      owner: ownIdentity(),
    },
    diffs.map(({ diffId }) => diffId),
  );
  const discard = () => {
    if (!request.remove) return;
    containers.remove(id);
    owned.removeAnonymous();
  };
  let network: NetworkNamespace | undefined;
  try {
    network = networkOf(request.options);
    const launched = await startProcess(store, containers, owned, { id, request, network });
    containers.update(id, {
      status: 'running',
      pid: launched.pid,
      startedAt: new Date().toISOString(),
      volumes: owned.names(),
    });
    const finish = async () => {
      const status = await launched.wait();
      network?.close();
      containers.update(id, {
        status: 'exited',
        exitCode: status.code,
        oomKilled: status.oomKilled,
        finishedAt: new Date().toISOString(),
      });
      discard();
      return status;
    };
    const ended = finish();
    return { id, name, process: launched, wait: () => ended };
  } catch (error) {
    network?.close();
    discard();
    throw error;
  }
}

interface ProcessInput {
  readonly id: string;
  readonly request: StartRequest;
  readonly network: NetworkNamespace | undefined;
}

async function startProcess(
  store: Store,
  containers: ContainerStore,
  volumes: Volumes,
  { id, request, network }: ProcessInput,
): Promise<RunningProcess> {
  const { image, options } = request;
  const config = image.config.config ?? {};
  const tree = store.snapshots.view(image.layers);
  const user = resolveUser(tree, options.user ?? config.User ?? '', options.groupAdd ?? []);
  const sharesHostNetwork = options.network === 'host';
  const spec = containerSpec({
    id,
    config,
    options,
    user,
    network: { host: sharesHostNetwork, ...(network && { path: network.path }) },
    mounts: await volumes.mounts(),
  });
  const files = networkFiles({
    hostname: spec.hostname ?? id.slice(0, 12),
    addresses: (network?.addresses ?? []).map((address) => address.replace(/\/.*/, '')),
    ...(network?.gateway !== undefined && { gateway: network.gateway }),
    sharesHostNetwork,
    extraHosts: options.extraHosts ?? [],
    ...(options.dns && { dns: options.dns }),
    ...(options.dnsSearch && { dnsSearch: options.dnsSearch }),
    ...(options.dnsOptions && { dnsOptions: options.dnsOptions }),
    readonly: false,
  });
  const overlay: OverlayRoot = {
    lower: image.layers.map((layer) => layer.directory()),
    ...containers.writable(id),
    volatile: request.remove,
  };
  return launch(spec, {
    overlay,
    stdio: request.stdio,
    files,
    ...(request.mechanism && { mechanism: request.mechanism }),
    ...(options.init && { init: true }),
  });
}

/** The namespace of `--network bridge`; none and host need no preparation. */
function networkOf(options: ContainerOptions): NetworkNamespace | undefined {
  const mode = options.network ?? 'bridge';
  if (mode === 'host' || mode === 'none') return undefined;
  if (mode !== 'bridge' && mode !== 'default') {
    throw new RuntimeError('BAD_OPTION', mode, `network ${mode} not found: use bridge, host or none`);
  }
  return openBridgeNetwork();
}

/** The binds, volumes and tmpfs of one container: those asked for, and one for each VOLUME of the image. */
class Volumes {
  readonly #store: Store;
  readonly #request: StartRequest;
  readonly #used: Volume[] = [];

  constructor(store: Store, request: StartRequest) {
    this.#store = store;
    this.#request = request;
  }

  /** Makes what is missing, and says what to mount. */
  async mounts(): Promise<readonly SpecMount[]> {
    const asked = this.#request.options.mounts ?? [];
    const targets = new Set(asked.map(({ target }) => target));
    const declared = Object.keys(this.#request.image.config.config?.Volumes ?? {})
      .filter((target) => !targets.has(target))
      .map((target): MountRequest => ({ type: 'volume', target, readonly: false, copy: true }));
    const mounts: SpecMount[] = [];
    for (const mount of [...declared, ...asked]) mounts.push(await this.#mount(mount));
    return mounts;
  }

  names(): readonly string[] {
    return this.#used.map(({ name }) => name);
  }

  removeAnonymous(): void {
    const volumes = new VolumeStore(this.#store);
    for (const { name, anonymous } of this.#used) if (anonymous) volumes.remove(name);
  }

  async #mount(mount: MountRequest): Promise<SpecMount> {
    switch (mount.type) {
      case 'tmpfs':
        return {
          destination: mount.target,
          type: 'tmpfs',
          source: 'tmpfs',
          options: ['nosuid', 'nodev', 'noexec', ...mount.options],
        };
      case 'bind':
        if (!existsSync(mount.source)) {
          if (!mount.createSource) {
            throw new RuntimeError(
              'BAD_OPTION',
              mount.source,
              `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
            );
          }
          mkdirSync(mount.source, { recursive: true });
        }
        return bind(mount.source, mount.target, mount.readonly);
      case 'volume': {
        const fill = mount.copy
          ? (directory: string) => this.#request.fillVolume(mount.target, directory)
          : async () => false;
        const volume = await new VolumeStore(this.#store).ensure(mount.name, fill);
        this.#used.push(volume);
        return bind(volume.directory, mount.target, mount.readonly);
      }
    }
  }
}

function bind(source: string, destination: string, readonly: boolean): SpecMount {
  return { destination, type: 'bind', source, options: ['rbind', 'rprivate', readonly ? 'ro' : 'rw'] };
}
