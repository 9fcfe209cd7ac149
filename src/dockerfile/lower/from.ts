import {
  type ContainerConfig,
  formatPlatform,
  type HistoryEntry,
  type Platform,
} from '../../../layers/index.ts';
import type { VertexDigest } from '../../llb/definition.ts';
import { type StageContext, stepName } from './context.ts';
import type { Found } from './origins.ts';
import type { PlannedStage } from './plan.ts';
import type { ResolvedImage } from './request.ts';
import { filesLayer, imageVertex, nameWithDigest, scratchVertex } from './sources.ts';
import { definedVariables, type StageState, splitVariable } from './state.ts';
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
      ? scratchVertex(context.graph)
      : filesLayer(found.name, found.context, context.graph);
  const history = found.kind === 'scratch' ? [] : [filesHistory(found, context.created)];
  const config = { WorkingDir: '/', Env: [`PATH=${DEFAULT_PATH}`] };
  return { ...emptyState(root, platform), config, history, environment: environmentOf(config) };
}

/** No instruction made the layer of a named context, but it is one: BuildKit's exporter writes a line of its own for it. */
function filesHistory(
  { name, context: { kind } }: Extract<Found, { kind: 'files' }>,
  created: string | undefined,
): HistoryEntry {
  return {
    ...(created !== undefined && { created }),
    created_by: `${kind} source for ${name}`,
    comment: 'buildkit.exporter.image.v0',
  };
}

function startFromImage(
  image: ResolvedImage,
  platform: Platform,
  stage: PlannedStage,
  context: StageContext,
): StageState {
  checkPlatform(image, platform, stage, context);
  const { OnBuild, ...given } = image.config.config ?? {};
  const variables = definedVariables(given.Env);
  const hasPath = variables.some((entry) => splitVariable(entry)[0] === 'PATH');
  const Env = hasPath ? variables : [...variables, `PATH=${DEFAULT_PATH}`];
  const config: ContainerConfig = {
    ...given,
    Env,
    ...(given.WorkingDir !== undefined &&
      given.WorkingDir !== '' && { WorkingDir: rooted(given.WorkingDir) }),
    // A context in place of a stage is the stage's image itself; its triggers are for who builds on it.
    ...(stage.replaced && OnBuild !== undefined && { OnBuild }),
  };
  const name = stepName(context, 1, `FROM ${nameWithDigest(image)}`, new Map());
  const meta = {
    name,
    ignoreCache: false,
    lines: stage.from.range,
    ...(context.label !== '' && { stage: context.label }),
  };
  const root = imageVertex(image, platform, meta, context.graph);
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

/** The working directory of an image as it is there, if it is one. */
function rooted(path: string): string {
  return path.startsWith('/') ? path : absolutePath('/', path);
}
