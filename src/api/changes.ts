import { type ContainerConfig, hostPlatform } from '../../layers/index.ts';
import { lowerDockerfile } from '../dockerfile/lower/index.ts';
import { ApiError } from './errors.ts';

/** Those that Docker takes. */
const INSTRUCTIONS = [
  'CMD',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'HEALTHCHECK',
  'LABEL',
  'ONBUILD',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
];

/**
 * The config that `--change` instructions of `docker import` and `docker commit` make of another one: instructions of a
 * Dockerfile that only set metadata. Throws `BAD_REQUEST` for any other.
 */
export async function configOfChanges(
  changes: readonly string[],
  base: ContainerConfig = {},
): Promise<ContainerConfig> {
  if (changes.length === 0) return base;
  for (const change of changes) {
    const keyword = change.trim().split(/\s/, 1)[0]!.toUpperCase();
    if (!INSTRUCTIONS.includes(keyword))
      throw new ApiError('BAD_REQUEST', change, `${keyword} is not a valid change command`);
  }
  const text = ['FROM base', ...changes, ''].join('\n');
  const platform = hostPlatform();
  // Triggers of the image are for builds on top of it.
  const { OnBuild, ...config } = base;
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
    resolveImage: async (ref) => ({
      ref,
      manifest: NO_MANIFEST,
      config: { ...platform, config, rootfs: { type: 'layers', diff_ids: [] } },
    }),
  });
  const triggers = [...(OnBuild ?? []), ...(image.config.OnBuild ?? [])];
  return { ...image.config, ...(triggers.length > 0 && { OnBuild: triggers }) };
}

/** The base is a config alone. */
const NO_MANIFEST = `sha256:${'0'.repeat(64)}`;
