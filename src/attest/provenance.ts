import { formatPlatform, type Platform } from '../../layers/index.ts';
import { withoutCredentials } from '../dockerfile/credentials.ts';
import type { DockerfileSource } from '../dockerfile/source.ts';
import type { Definition } from '../llb/definition.ts';
import { type BuildGraph, buildConfig } from './build-config.ts';
import type { Material } from './materials.ts';
import type { ProvenanceOptions } from './request.ts';

/** What is known of a build for one platform, besides its result. */
export interface BuildFacts {
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  readonly definition: Definition;
  readonly source: DockerfileSource;
  readonly materials: readonly Material[];
  /** Where context and Dockerfile came from, when that is an address. */
  readonly configUri?: string;
  /** As `build-arg:NAME`, `label:NAME`, `target` and the like. */
  readonly args: Readonly<Record<string, string>>;
  readonly secrets: readonly { readonly id: string; readonly optional: boolean }[];
  readonly ssh: readonly { readonly id: string; readonly optional: boolean }[];
  /** Names of local directories that were read. */
  readonly locals: readonly string[];
  readonly invocationId: string;
  readonly started: Date;
  readonly finished: Date;
}

/** What the predicate tells follows BuildKit's definitions, so that tools read it as such. */
const BUILD_TYPE = 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md';
const BUILD_TYPE_02 = 'https://mobyproject.org/buildkit@v1';
const METADATA_02 = 'https://mobyproject.org/buildkit@v1#metadata';

export const PREDICATE_TYPES = {
  v1: 'https://slsa.dev/provenance/v1',
  'v0.2': 'https://slsa.dev/provenance/v0.2',
} as const;

/**
 * The predicate of a provenance attestation: slsa.dev/provenance/v1 or v0.2. Addresses lose their passwords, wherever
 * they stand (CVE-2023-26054).
 */
export function provenance(facts: BuildFacts, options: ProvenanceOptions): object {
  const predicate = options.version === 'v1' ? version1(facts, options) : version02(facts, options);
  return stripped(predicate) as object;
}

function stripped(value: unknown): unknown {
  if (typeof value === 'string') return withoutCredentials(value);
  if (Array.isArray(value)) return value.map(stripped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, stripped(item)]));
}

function version1(facts: BuildFacts, { mode, builderId, reproducible }: ProvenanceOptions): object {
  const graph = mode === 'max' ? buildConfig(facts.definition) : undefined;
  return {
    buildDefinition: {
      buildType: BUILD_TYPE,
      resolvedDependencies: facts.materials,
      externalParameters: {
        configSource: { ...(facts.configUri && { uri: facts.configUri }), path: facts.source.file },
        request: parameters(facts, mode),
      },
      internalParameters: {
        ...(graph && { buildConfig: graph.config }),
        builderPlatform: formatPlatform(facts.buildPlatform),
      },
    },
    runDetails: {
      builder: { id: builderId },
      metadata: {
        invocationId: facts.invocationId,
        startedOn: facts.started.toISOString(),
        finishedOn: facts.finished.toISOString(),
        buildkit_metadata: graph === undefined ? {} : sourceMap(facts, graph),
        ...(isHermetic(facts) && { buildkit_hermetic: true }),
        buildkit_completeness: { request: mode === 'max', resolvedDependencies: isComplete(facts) },
        ...(reproducible && { buildkit_reproducible: true }),
      },
    },
  };
}

function version02(facts: BuildFacts, { mode, builderId, reproducible }: ProvenanceOptions): object {
  const graph = mode === 'max' ? buildConfig(facts.definition) : undefined;
  return {
    builder: { id: builderId },
    buildType: BUILD_TYPE_02,
    materials: facts.materials,
    invocation: {
      configSource: { ...(facts.configUri && { uri: facts.configUri }), entryPoint: facts.source.file },
      parameters: parameters(facts, mode),
      environment: { platform: formatPlatform(facts.buildPlatform) },
    },
    ...(graph && { buildConfig: graph.config }),
    metadata: {
      buildInvocationID: facts.invocationId,
      buildStartedOn: facts.started.toISOString(),
      buildFinishedOn: facts.finished.toISOString(),
      completeness: { parameters: mode === 'max', environment: true, materials: isComplete(facts) },
      reproducible,
      [METADATA_02]: graph === undefined ? {} : sourceMap(facts, graph),
      ...(isHermetic(facts) && { 'https://mobyproject.org/buildkit@v1#hermetic': true }),
    },
  };
}

/** Build arguments and labels only in `max`; secrets and agents by their ids, and never more. */
function parameters({ args, secrets, ssh, locals }: BuildFacts, mode: 'min' | 'max'): object {
  const told = Object.entries(args).filter(([name]) => mode === 'max' || !/^(?:build-arg|label):/.test(name));
  return {
    frontend: 'dockerfile.v0',
    args: Object.fromEntries(told),
    ...(mode === 'max' && secrets.length > 0 && { secrets }),
    ...(mode === 'max' && ssh.length > 0 && { ssh }),
    locals: locals.map((name) => ({ name })),
  };
}

/** Files of a local directory have no address. */
function isComplete({ locals }: BuildFacts): boolean {
  return locals.length === 0;
}

/** No step could reach a network, and all that was read is told. */
function isHermetic(facts: BuildFacts): boolean {
  const steps = [...facts.definition.vertices.values()];
  return isComplete(facts) && steps.every(({ op }) => op.type !== 'exec' || op.network === 'none');
}

function sourceMap({ definition, source }: BuildFacts, { ids }: BuildGraph): object {
  const locations = [...definition.vertices.values()].map(({ digest, meta: { lines } }) => [
    ids.get(digest)!,
    lines === undefined
      ? {}
      : { locations: [{ ranges: [{ start: { line: lines.start }, end: { line: lines.end } }] }] },
  ]);
  const data = Buffer.from(withoutCredentials(source.text)).toString('base64');
  return {
    source: {
      locations: Object.fromEntries(locations),
      infos: [{ filename: source.file, language: 'Dockerfile', data }],
    },
  };
}
