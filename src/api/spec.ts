import { containerSpec } from '../runtime/container-spec.ts';
import { allHostDevices, requestedDevices } from '../runtime/host-devices.ts';
import { newContainerId } from '../runtime/names.ts';
import { resolveUser } from '../runtime/passwd.ts';
import { specText } from '../sandbox/spec-json.ts';
import { resolveImage } from './images.ts';
import type { RunRequest } from './types.ts';
import { withStore } from './with-store.ts';

/**
 * The OCI runtime spec of a container as `run` would make it, as the text of config.json. What only a start decides is
 * left out: mounts of volumes and host files, the network, and small files such as /etc/hosts.
 */
export function runtimeSpec(request: RunRequest): Promise<string> {
  const { image: name, pull, platform, storeRoot, report, signal, ...options } = request;
  return withStore({ ...(storeRoot !== undefined && { storeRoot }) }, async (store) => {
    const image = await resolveImage(store, name, {
      pull: pull ?? 'missing',
      ...(platform && { platform }),
      ...(report && { report }),
      ...(signal && { signal }),
    });
    const config = image.config.config ?? {};
    const { user = config.User ?? '', groupAdd = [], privileged, devices = [] } = options;
    const spec = containerSpec({
      id: newContainerId(),
      config,
      options,
      user: resolveUser(store.snapshots.view(image.layers), user, groupAdd),
      network: { host: options.network === 'host' },
      mounts: [],
      devices: [...(privileged ? allHostDevices() : []), ...requestedDevices(devices)],
    });
    return specText(spec);
  });
}
