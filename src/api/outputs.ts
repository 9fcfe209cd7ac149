import { join } from 'node:path';
import {
  formatPlatform,
  formatReference,
  type Layer,
  type Platform,
  parseReference,
  type Store,
} from '../../layers/index.ts';
import { type CommittedImage, commitIndex, nameImage } from '../exporter/image.ts';
import { writeArchive } from '../exporter/save.ts';
import { ApiError } from './errors.ts';
import type { BuildRequest, BuildResult, OutputRequest } from './types.ts';

/** What was built for one platform. */
export interface BuiltPlatform {
  readonly platform: Platform;
  readonly image: CommittedImage;
  readonly layers: readonly Layer[];
}

/** Names the image in the store, and puts it (or its files) wherever else the request says. */
export async function writeOutputs(
  store: Store,
  request: BuildRequest,
  built: readonly BuiltPlatform[],
): Promise<BuildResult> {
  const { outputs = [] } = request;
  const target =
    built.length === 1
      ? built[0]!.image.descriptor
      : commitIndex(
          store,
          built.map(({ image }) => image.descriptor),
        );
  const names = imageNames(request);
  // As with buildx, an output that is files alone leaves no image behind, unless a name asks for one.
  const keepsImage = names.length > 0 || outputs.length === 0 || outputs.some(({ type }) => type === 'image');
  if (keepsImage) nameImage(store, names, target);
  const { signal } = request;
  for (const output of outputs)
    await write(store, output, { built, target, names, ...(signal && { signal }) });
  const imageId = built.length === 1 ? built[0]!.image.configDigest : target.digest;
  return { ...(keepsImage && { image: target }), imageId, names };
}

interface Outcome {
  readonly built: readonly BuiltPlatform[];
  readonly target: CommittedImage['descriptor'];
  readonly names: readonly string[];
  readonly signal?: AbortSignal;
}

/** Tags, and the names given to outputs, normalised. Throws `INVALID_REFERENCE`. */
export function imageNames({ tags = [], outputs = [] }: BuildRequest): readonly string[] {
  const given = outputs.flatMap((output) => {
    const name =
      output.type === 'image' ? output.name : 'attributes' in output ? output.attributes.name : undefined;
    return name === undefined ? [] : name.split(',');
  });
  return [...new Set([...tags, ...given].map((name) => formatReference(parseReference(name))))];
}

async function write(store: Store, output: OutputRequest, outcome: Outcome): Promise<void> {
  const { built, target, names, signal } = outcome;
  const stop = signal && { signal };
  switch (output.type) {
    case 'cacheonly':
      return;
    case 'image':
      if (output.attributes.push === 'true') {
        const { pushName } = await import('../exporter/push.ts');
        for (const name of names) await pushName(store, name, stop);
      }
      return;
    case 'oci':
    case 'docker':
      await writeArchive(store, [{ target, names: [...names] }], destination(output.dest), {
        format: output.type,
        ...stop,
      });
      return;
    case 'local': {
      const { writeLocal } = await import('../exporter/local.ts');
      for (const { layers, platform } of built) {
        const directory = built.length === 1 ? output.dest : join(output.dest, platformFolder(platform));
        await writeLocal(store.snapshots.view(layers), directory, stop);
      }
      return;
    }
    case 'tar': {
      const { writeTar } = await import('../exporter/tar.ts');
      await writeTar(store.snapshots.view(built[0]!.layers), destination(output.dest), stop);
    }
  }
}

/** Throws for outputs that cannot hold what will be built, before it is. */
export function checkOutputs({ outputs = [] }: BuildRequest, platforms: readonly Platform[]): void {
  if (platforms.length > 1 && outputs.some(({ type }) => type === 'tar')) {
    throw new ApiError(
      'UNSUPPORTED',
      'tar',
      '-o type=tar takes one platform: use type=local, which makes a directory for each, or type=oci',
    );
  }
}

/** `linux_arm64`, as buildx calls it. */
function platformFolder(platform: Platform): string {
  return formatPlatform(platform).replaceAll('/', '_');
}

/** `-` is standard output. */
function destination(dest: string) {
  return dest === '-' ? process.stdout : dest;
}
