import { type ContainerConfig, hostPlatform } from '../../layers/index.ts';
import { lowerDockerfile } from '../dockerfile/lower/index.ts';

/** The config that `docker import --change` instructions make: those of a Dockerfile that only set metadata. */
export async function configOfChanges(changes: readonly string[]): Promise<ContainerConfig> {
  if (changes.length === 0) return {};
  const text = ['FROM scratch', ...changes, ''].join('\n');
  const platform = hostPlatform();
  const { image } = await lowerDockerfile({
    source: { file: '--change', text },
    buildArgs: {},
    labels: {},
    targetPlatform: platform,
    buildPlatform: platform,
    contexts: new Map(),
    mainContext: 'empty',
    noCache: [],
    network: 'none',
    allow: [],
    hostname: '',
    extraHosts: [],
    ulimits: [],
    resolveImage: (ref) => Promise.reject(new Error(`A change cannot refer to the image ${ref}`)),
  });
  return image.config;
}
