import { type ContainerConfig, formatPlatform, type Platform } from '../../../layers/index.ts';
import type { VertexDigest } from '../../llb/definition.ts';
import { type StageContext, stepName } from './context.ts';
import type { FileContext, Found } from './origins.ts';
import type { PlannedStage } from './plan.ts';
import type { ResolvedImage } from './request.ts';
import { type StageState, splitVariable } from './state.ts';
import { absolutePath } from './workdir.ts';

/** The PATH of images that set none, as Docker has it. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A stage FROM another one: all that is in its image, and its ARGs. */
export function startFromStage(base: StageState): StageState {
  const { OnBuild: _, ...config } = base.config;
  const environment = new Map(base.environment);
  // An ARG of the stage below may stand before an ENV of the same name there, but the image knows only the ENV.
  for (const entry of config.Env ?? []) environment.set(...splitVariable(entry));
  return { ...base, config, environment, cmdSet: false, step: 0 };
}

/** A stage FROM scratch, an image or a named context. */
export function startFrom(
  found: Found,
  stage: PlannedStage,
  platform: Platform,
  context: StageContext,
): StageState {
  if (found.kind === 'image') return startFromImage(found.image, found.platform, stage, context);
  const root =
    found.kind === 'scratch'
      ? scratch(context)
      : copyOf(filesVertex(found.name, found.context, context), found.context, found.name, context);
  const config = { WorkingDir: '/', Env: [`PATH=${DEFAULT_PATH}`] };
  return { ...emptyState(root, platform), config, environment: environmentOf(config) };
}

function startFromImage(
  image: ResolvedImage,
  platform: Platform,
  stage: PlannedStage,
  context: StageContext,
): StageState {
  checkPlatform(image, platform, stage, context);
  const { OnBuild, ...given } = image.config.config ?? {};
  const hasPath = (given.Env ?? []).some((entry) => splitVariable(entry)[0] === 'PATH');
  const Env = hasPath ? given.Env! : [...(given.Env ?? []), `PATH=${DEFAULT_PATH}`];
  const config: ContainerConfig = {
    ...given,
    Env,
    ...(given.WorkingDir !== undefined &&
      given.WorkingDir !== '' && { WorkingDir: absolutePath('/', given.WorkingDir) }),
    // A context in place of a stage is the stage's image itself; its triggers are for who builds on it.
    ...(stage.replaced && OnBuild !== undefined && { OnBuild }),
  };
  const name = stepName(context, 1, `FROM ${nameWithDigest(image)}`);
  const root = imageVertex(image, platform, name, context);
  return {
    ...emptyState(root, platformOf(image)),
    config,
    environment: environmentOf(config),
    history: image.config.history ?? [],
    base: image,
    step: 1,
    ...(image.config.author !== undefined && { author: image.config.author }),
  };
}

/** The vertex of an image's filesystem. */
export function imageVertex(
  image: ResolvedImage,
  platform: Platform,
  name: string,
  context: Pick<StageContext, 'graph'>,
): VertexDigest {
  if (image.config.rootfs.diff_ids.length === 0) return scratch(context);
  return context.graph.add({ type: 'image', ref: image.ref, manifest: image.manifest, platform }, [], {
    name,
    ignoreCache: false,
  });
}

/** The vertex of files that a named context gives. */
export function filesVertex(
  name: string,
  files: FileContext,
  context: Pick<StageContext, 'graph'>,
): VertexDigest {
  const meta = { name: `[context ${name}] load from ${files.kind}`, ignoreCache: false };
  if (files.kind === 'local') return context.graph.add({ type: 'local', name }, [], meta);
  if (files.kind === 'git') {
    return context.graph.add({ type: 'git', remote: files.url, keepGitDir: false }, [], meta);
  }
  const archive = context.graph.add({ type: 'http', url: files.url, filename: 'context' }, [], meta);
  return context.graph.add(
    {
      type: 'file',
      actions: [
        {
          kind: 'copy',
          input: 1,
          sources: ['/context'],
          destination: '/',
          keepOwner: false,
          exclude: [],
          parents: false,
          unpack: 'always',
          display: [files.url],
        },
      ],
    },
    [scratch(context), archive],
    { ...meta, name: `[context ${name}] unpack` },
  );
}

/** What a directory holds, as a layer: a stage cannot be built upon a directory of the host. */
function copyOf(vertex: VertexDigest, files: FileContext, name: string, context: StageContext): VertexDigest {
  if (files.kind !== 'local') return vertex;
  return context.graph.add(
    {
      type: 'file',
      actions: [
        {
          kind: 'copy',
          input: 1,
          sources: ['/'],
          destination: '/',
          keepOwner: false,
          exclude: [],
          parents: false,
          unpack: 'never',
          display: [name],
        },
      ],
    },
    [scratch(context), vertex],
    { name: `[context ${name}] copy`, ignoreCache: false },
  );
}

export function scratch({ graph }: Pick<StageContext, 'graph'>): VertexDigest {
  return graph.add({ type: 'scratch' }, [], { name: 'scratch', ignoreCache: false });
}

/** `docker.io/library/busybox:latest@sha256:…`. */
export function nameWithDigest({ ref, manifest }: ResolvedImage): string {
  return ref.includes('@') ? ref : `${ref}@${manifest}`;
}

function platformOf({ config }: ResolvedImage): Platform {
  const { os, architecture, variant } = config;
  return {
    os,
    architecture,
    ...(variant !== undefined && variant !== '' && { variant }),
    ...(config['os.version'] !== undefined && { 'os.version': config['os.version'] }),
    ...(config['os.features'] !== undefined && { 'os.features': config['os.features'] }),
  };
}

function checkPlatform(
  image: ResolvedImage,
  expected: Platform,
  { from, replaced }: PlannedStage,
  context: StageContext,
): void {
  const { os, architecture } = image.config;
  if (replaced || (os === expected.os && architecture === expected.architecture)) return;
  const [actual, wanted] = [platformOf(image), expected].map((value) =>
    JSON.stringify(formatPlatform(value)),
  );
  context.findings.addAt(
    from,
    'InvalidBaseImagePlatform',
    `Base image ${from.image} was pulled with platform ${actual}, expected ${wanted} for current build`,
  );
}

function emptyState(root: VertexDigest, platform: Platform): StageState {
  const none = new Map<string, string>();
  return {
    root,
    platform,
    config: {},
    history: [],
    environment: none,
    args: none,
    workdirSet: false,
    cmdSet: false,
    step: 0,
  };
}

function environmentOf(config: ContainerConfig): ReadonlyMap<string, string> {
  return new Map((config.Env ?? []).map((entry) => splitVariable(entry)));
}
