import { existsSync } from 'node:fs';
import { basename, isAbsolute, relative, resolve } from 'node:path';
import { hostPlatform, type Layer, type Platform, randomBytes } from '../../layers/index.ts';
import type { Material } from '../attest/materials.ts';
import type { BuildFacts } from '../attest/provenance.ts';
import type { AttestPlan } from '../attest/request.ts';
import type { Statement, Subject } from '../attest/statement.ts';
import { withoutCredentials } from '../dockerfile/credentials.ts';
import type { CommittedImage } from '../exporter/image.ts';
import type { Definition } from '../llb/definition.ts';
import type { ImageResolver } from './image-resolver.ts';
import { contextAddress } from './main-context.ts';
import type { OpenRequest } from './open-request.ts';
import type { BuildRequest } from './types.ts';
import { VERSION } from './version.ts';

/** What was built for one platform, and of what. */
export interface AttestedBuild {
  readonly opened: OpenRequest;
  readonly definition: Definition;
  readonly images: ImageResolver;
  readonly platform: Platform;
  readonly image: CommittedImage;
  readonly layers: readonly Layer[];
  readonly names: readonly string[];
  /** SOURCE_DATE_EPOCH, in seconds since 1970. */
  readonly epoch: number | undefined;
  readonly started: Date;
}

/** Statements about an image, which can be made about other subjects too. */
export interface Attestation {
  /** Of the file that holds it beside files. */
  readonly fileName: string;
  readonly statement: Statement;
  about(subject: readonly Subject[]): Statement;
}

/** Attests what the plan asks for. */
export async function attest(plan: AttestPlan, build: AttestedBuild): Promise<readonly Attestation[]> {
  const { imageSubjects, statement } = await import('../attest/statement.ts');
  const { imagePurl } = await import('../attest/materials.ts');
  const { platform, image, names } = build;
  const purls = names.map((name) => imagePurl(name, platform));
  const subject = imageSubjects(purls, image.descriptor.digest);
  const attestation = (fileName: string, type: string, predicate: object): Attestation => {
    const about = (other: readonly Subject[]) => statement(type, other, predicate);
    return { fileName, statement: about(subject), about };
  };
  const found: Attestation[] = [];
  if (plan.sbom) {
    const { findPackages, SPDX_TYPE, spdxDocument } = await import('../attest/sbom.ts');
    const packages = findPackages(build.opened.store.snapshots.view(build.layers));
    const created = build.epoch === undefined ? new Date() : new Date(build.epoch * 1000);
    const name = names[0] ?? image.configDigest;
    const document = spdxDocument(packages, { name, created, toolVersion: VERSION });
    found.push(attestation('sbom.spdx.json', SPDX_TYPE, document));
  }
  if (plan.provenance !== undefined) {
    const { PREDICATE_TYPES, provenance } = await import('../attest/provenance.ts');
    const predicate = provenance(await factsOf(build), plan.provenance);
    found.push(attestation('provenance.json', PREDICATE_TYPES[plan.provenance.version], predicate));
  }
  return found;
}

async function factsOf(build: AttestedBuild): Promise<BuildFacts> {
  const { opened, definition, platform, started } = build;
  const { request, source } = opened;
  const configUri = addressOf(request);
  return {
    platform,
    buildPlatform: hostPlatform(),
    definition,
    source: { ...source, file: pathInContext(opened) },
    materials: await materialsOf(build),
    ...(configUri !== undefined && { configUri }),
    args: argumentsOf(request),
    ...lent(definition),
    locals: localsOf(definition, configUri !== undefined),
    invocationId: BigInt(`0x${randomBytes(20).toString('hex')}`)
      .toString(36)
      .slice(0, 25),
    started,
    finished: new Date(),
  };
}

/** Where a file of the machine lies is nobody's business. */
function pathInContext({ source: { file }, contexts: { directory } }: OpenRequest): string {
  const path = directory === undefined ? file : relative(directory, resolve(file));
  return path.startsWith('..') || isAbsolute(path) ? basename(path) : path;
}

async function materialsOf({ opened, definition, images }: AttestedBuild): Promise<readonly Material[]> {
  const { imageMaterial, sourceMaterial, uniqueMaterials } = await import('../attest/materials.ts');
  const bases = [...definition.vertices.values()].flatMap(({ op }) => {
    if (op.type !== 'image') return [];
    const { name, digest } = images.targetOf(op);
    return [imageMaterial(name, digest, op.platform)];
  });
  const fetched = opened.fetched.map(({ op, found }) => sourceMaterial(op, found));
  return uniqueMaterials([...bases, ...fetched]);
}

/** Undefined for a directory and for what came through a pipe. */
function addressOf({ context }: BuildRequest): string | undefined {
  if (typeof context !== 'string' || existsSync(context)) return undefined;
  return contextAddress(context) && withoutCredentials(context);
}

/** As BuildKit's frontend calls them. */
function argumentsOf(request: BuildRequest): Readonly<Record<string, string>> {
  const prefixed = (prefix: string, values: Readonly<Record<string, string>> = {}) =>
    Object.entries(values).map(([name, value]) => [`${prefix}:${name}`, value] as const);
  const { target, network, noCache, noCacheFilter = [], extraHosts = [] } = request;
  const pairs: (readonly [string, string])[] = [
    ...prefixed('build-arg', request.buildArgs),
    ...prefixed('label', request.labels),
    ...Object.entries(request.buildContexts ?? {}).map(
      ([name, value]) => [`context:${name}`, withoutCredentials(value)] as const,
    ),
  ];
  if (target !== undefined) pairs.push(['target', target]);
  if (network !== undefined && network !== 'default') pairs.push(['force-network-mode', network]);
  if (noCache || noCacheFilter.length > 0) pairs.push(['no-cache', noCache ? '' : noCacheFilter.join(',')]);
  if (extraHosts.length > 0)
    pairs.push(['add-hosts', extraHosts.map(({ host, ip }) => `${host}=${ip}`).join(',')]);
  return Object.fromEntries(pairs.sort(([one], [other]) => (one < other ? -1 : 1)));
}

type Lent = BuildFacts['secrets'];

/** Ids of what steps were lent. */
function lent({ vertices }: Definition): { readonly secrets: Lent; readonly ssh: Lent } {
  const mounts = [...vertices.values()].flatMap(({ op }) => (op.type === 'exec' ? op.mounts : []));
  const idsOf = (type: 'secret' | 'ssh'): Lent => {
    const optional = new Map<string, boolean>();
    for (const mount of mounts)
      if (mount.type === type) optional.set(mount.id, !mount.required && (optional.get(mount.id) ?? true));
    return [...optional].map(([id, isOptional]) => ({ id, optional: isOptional }));
  };
  return { secrets: idsOf('secret'), ssh: idsOf('ssh') };
}

function localsOf({ vertices }: Definition, isElsewhere: boolean): readonly string[] {
  const read = [...vertices.values()].flatMap(({ op }) => (op.type === 'local' ? [op.name] : []));
  const names = isElsewhere ? read.filter((name) => name !== 'context') : [...read, 'dockerfile'];
  return [...new Set(names)].sort();
}
