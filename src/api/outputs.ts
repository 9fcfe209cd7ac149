import { join } from 'node:path';
import {
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  type Layer,
  type Platform,
  parseReference,
  type Store,
} from '../../layers/index.ts';
import { commitAttestation } from '../exporter/attestation.ts';
import { type CommittedImage, commitIndex, nameImage } from '../exporter/image.ts';
import { writeArchive, writeLayout } from '../exporter/save.ts';
import type { Report } from '../progress/events.ts';
import { type AnnotationRequest, annotationsFor, parseAnnotation } from './annotations.ts';
import type { Attestation } from './attest.ts';
import { ApiError } from './errors.ts';
import { type OutputOptions, outputOptions, platformFolder } from './output-options.ts';
import type { BuildRequest, BuildResult, OutputRequest } from './types.ts';

/** What was built for one platform. */
export interface BuiltPlatform {
  readonly platform: Platform;
  readonly image: CommittedImage;
  readonly layers: readonly Layer[];
  /** SOURCE_DATE_EPOCH, in seconds since 1970. */
  readonly epoch: number | undefined;
  readonly attestations: readonly Attestation[];
  /** All its layers are in the store. */
  readonly isWhole: boolean;
}

/** One `-o` with its attributes read. */
export interface PlannedOutput {
  readonly output: OutputRequest;
  readonly options: OutputOptions;
}

/** All that the request wants of the result, read before anything is built. */
export interface OutputPlan {
  readonly outputs: readonly PlannedOutput[];
  /** Normalised, and without a tag where only the digest is to be named. */
  readonly names: readonly string[];
  readonly annotations: readonly AnnotationRequest[];
  /** As an output overrides SOURCE_DATE_EPOCH: undefined, not at all; null, with none. */
  readonly epoch: number | null | undefined;
  readonly rewriteTimestamps: boolean;
}

/** Reads what is to become of the result. Throws for an output that is none, or cannot hold what will be built. */
export function planOutputs(request: BuildRequest, platforms: readonly Platform[]): OutputPlan {
  const { outputs: given = [], tags = [], annotations = [] } = request;
  const outputs = given.map((output) => ({ output, options: outputOptions(output) }));
  const named = outputs.flatMap(({ options }) => options.names);
  const names = [...new Set([...tags, ...named].map((name) => formatReference(parseReference(name))))];
  const all = [
    ...annotations.flatMap(parseAnnotation),
    ...outputs.flatMap(({ options }) => options.annotations),
  ];
  if (platforms.length === 1 && all.some(({ level }) => level === 'index' || level === 'index-descriptor')) {
    throw new ApiError(
      'BAD_REQUEST',
      'annotation',
      'index annotations not supported for single platform export: annotate the manifest, or build for several platforms',
    );
  }
  if (outputs.filter(({ output }) => 'dest' in output && output.dest === '-').length > 1) {
    const message = 'multiple outputs configured to write to stdout: give all but one a dest';
    throw new ApiError('BAD_REQUEST', 'output', message);
  }
  for (const { output, options } of outputs) {
    if (options.push && names.length === 0)
      throw new ApiError('BAD_REQUEST', 'push', 'tag is needed when pushing to registry: add -t NAME');
    if ('dest' in output) refuseTerminal(output);
  }
  const epochs = outputs.flatMap(({ options: { epoch } }) => (epoch === undefined ? [] : [epoch]));
  return {
    outputs,
    names,
    annotations: all,
    epoch: epochs.at(-1),
    rewriteTimestamps: outputs.some(({ options }) => options.rewriteTimestamps),
  };
}

/** Names the image in the store, and puts it (or its files) wherever else the request says. */
export async function writeOutputs(
  store: Store,
  plan: OutputPlan,
  built: readonly BuiltPlatform[],
  context: { readonly signal?: AbortSignal; readonly report: Report },
): Promise<BuildResult> {
  const { outputs } = plan;
  const isIndex = built.length > 1 || built.some(({ attestations }) => attestations.length > 0);
  const target = isIndex ? indexDescriptor(store, plan, built) : built[0]!.image.descriptor;
  const names = [...plan.names, ...digestNames(plan, target)];
  // As with buildx, an output that is files alone leaves no image behind, unless a name asks for one.
  const keepsImage =
    names.length > 0 || outputs.length === 0 || outputs.some(({ output }) => output.type === 'image');
  // What was only passed on is not kept: a name of the store stands for something that can be run.
  if (keepsImage && built.every(({ isWhole }) => isWhole)) nameImage(store, names, target);
  for (const planned of outputs)
    await write(store, planned, { built, target, names: plan.names, ...context });
  const imageId = built.length === 1 ? built[0]!.image.configDigest : target.digest;
  return { ...(keepsImage && { image: target }), imageId, names };
}

function indexDescriptor(
  store: Store,
  { annotations }: OutputPlan,
  built: readonly BuiltPlatform[],
): Descriptor {
  // Attestations after all images, as BuildKit has them.
  const manifests = [
    ...built.map(({ image }) => image.descriptor),
    ...built.flatMap(({ image, attestations }) =>
      attestations.length === 0
        ? []
        : [
            commitAttestation(
              store.content,
              image.descriptor,
              attestations.map(({ statement }) => statement),
            ),
          ],
    ),
  ];
  const target = commitIndex(store, manifests, annotationsFor(annotations, 'index'));
  const own = annotationsFor(annotations, 'index-descriptor');
  return Object.keys(own).length === 0 ? target : { ...target, annotations: own };
}

/** `dangling-name-prefix` and `name-canonical`: names with the digest that the image turned out to have. */
function digestNames({ outputs, names }: OutputPlan, { digest }: Descriptor): readonly string[] {
  return outputs.flatMap(({ options: { danglingPrefix, canonical } }) => [
    ...(danglingPrefix !== undefined && names.length === 0 ? [withDigest(danglingPrefix, digest)] : []),
    ...(canonical ? names.map((name) => withDigest(name, digest)) : []),
  ]);
}

function withDigest(name: string, digest: Digest): string {
  const { domain, path } = parseReference(name);
  return formatReference({ domain, path, digest });
}

interface Outcome {
  readonly built: readonly BuiltPlatform[];
  readonly target: Descriptor;
  readonly names: readonly string[];
  readonly signal?: AbortSignal;
  readonly report: Report;
}

async function write(store: Store, { output, options }: PlannedOutput, outcome: Outcome): Promise<void> {
  const { target, names, signal } = outcome;
  const stop = signal && { signal };
  switch (output.type) {
    case 'cacheonly':
      return;
    case 'image':
      if (options.push) await pushAll(store, options, outcome);
      return;
    case 'oci':
    case 'docker': {
      const images = [{ target, names: [...names] }];
      const form = { compression: 'none' as const, ...options.form };
      const how = { format: output.type, form, ...stop };
      if (options.tar) await writeArchive(store, images, destination(output.dest), how);
      else await writeLayout(store, images, output.dest, how);
      return;
    }
    default:
      await writeFiles(store, output, options, outcome);
  }
}

async function pushAll(
  store: Store,
  { form, byDigest, insecure }: OutputOptions,
  { target, names, signal, report }: Outcome,
): Promise<void> {
  const { pushImage } = await import('../exporter/push.ts');
  for (const name of names) {
    const reference = parseReference(name);
    await pushImage(store, target, reference, {
      byDigest,
      report,
      form: { compression: 'gzip', ...form },
      ...(insecure && { insecure }),
      ...(signal && { signal }),
    });
  }
}

/** Files alone, in a directory or a tar: each platform in a folder of its own where there are several. */
async function writeFiles(
  store: Store,
  output: Extract<OutputRequest, { type: 'local' | 'tar' }>,
  { platformSplit, deletes, epoch, attestationPrefix }: OutputOptions,
  { built, signal }: Outcome,
): Promise<void> {
  const isSplit = platformSplit ?? built.length > 1;
  const parts = built.map(({ layers, platform }) => ({
    tree: store.snapshots.view(layers),
    folder: isSplit ? platformFolder(formatPlatform(platform)) : '',
  }));
  const time = epoch === undefined ? built[0]!.epoch : (epoch ?? undefined);
  const options = {
    ...(time !== undefined && { mtimeNs: BigInt(time) * 1_000_000_000n }),
    ...(signal && { signal }),
  };
  const isMixed = built.length > 1 && !isSplit;
  const beside = async (index: number): Promise<ReadonlyMap<string, Buffer>> => {
    const { attestations, platform } = built[index]!;
    if (attestations.length === 0) return new Map();
    const { attestationFiles } = await import('./attestation-files.ts');
    const suffix = isMixed ? `.${platformFolder(formatPlatform(platform))}` : '';
    return attestationFiles(attestations, parts[index]!.tree, { prefix: attestationPrefix, suffix }, signal);
  };
  if (output.type === 'tar') {
    const { writeTar } = await import('../exporter/tar.ts');
    const whole = await Promise.all(
      parts.map(async (part, index) => ({ ...part, added: await beside(index) })),
    );
    await writeTar(whole, destination(output.dest), options);
    return;
  }
  const { writeLocal } = await import('../exporter/local.ts');
  const taken = isMixed ? { taken: new Set<string>() } : {};
  for (const [index, { tree, folder }] of parts.entries()) {
    const directory = join(output.dest, folder);
    await writeLocal(tree, directory, { ...options, ...taken, deletes });
    const files = await beside(index);
    if (files.size === 0) continue;
    const { writeBeside } = await import('./attestation-files.ts');
    writeBeside(directory, files);
  }
}

/** What is bytes is nothing to look at. */
function refuseTerminal({ type, dest }: Extract<OutputRequest, { dest: string }>): void {
  if (dest !== '-' || !process.stdout.isTTY) return;
  throw new ApiError(
    'BAD_REQUEST',
    type,
    `dest file is required for ${type} exporter. refusing to write to console`,
  );
}

/** `-` is standard output. */
function destination(dest: string) {
  return dest === '-' ? process.stdout : dest;
}
