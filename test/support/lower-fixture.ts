import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContainerConfig, DiffId, Platform } from '../../layers/index.ts';
import { type Finding, shortText } from '../../src/dockerfile/checks/finding.ts';
import type { LoweredBuild, LowerRequest, NamedContext } from '../../src/dockerfile/lower/request.ts';
import type { DockerfileCase } from './dockerfile-cases.ts';

/** What request.json of a case may say; everything has a default. */
export interface CaseRequest
  extends Partial<Omit<LowerRequest, 'contexts' | 'source' | 'resolveImage' | 'isIgnored'>> {
  /** Images that exist, by the name that the Dockerfile uses; `busybox` always does. */
  readonly images?: Readonly<Record<string, ImageFixture>>;
  readonly contexts?: Readonly<Record<string, NamedContext>>;
  /** Paths of the build context that .dockerignore covers. */
  readonly ignored?: readonly string[];
}

interface ImageFixture {
  readonly config?: ContainerConfig;
  readonly platform?: Platform;
  /** False: an image without layers. */
  readonly layers?: boolean;
}

const host: Platform = { os: 'linux', architecture: 'amd64' };
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const busybox: ImageFixture = { config: { Env: [path], Cmd: ['sh'] } };

/** The request of a case of fixtures/dockerfiles: its request.json, if there is one, says what is not usual. */
export function requestOf({ source, expected }: DockerfileCase): LowerRequest {
  const file = join(dirname(expected), 'request.json');
  const request = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as CaseRequest) : {};
  return lowerRequest(source.text, request);
}

/** A request for `text` in which nothing is said that `request` does not say. */
export function lowerRequest(text: string, request: CaseRequest = {}): LowerRequest {
  const { images = {}, contexts = {}, ignored, ...rest } = request;
  const known: Readonly<Record<string, ImageFixture>> = { busybox, 'busybox:latest': busybox, ...images };
  return {
    source: { file: 'Dockerfile', text },
    buildArgs: {},
    labels: {},
    targetPlatform: host,
    buildPlatform: host,
    mainContext: 'local',
    noCache: [],
    network: 'default',
    allow: [],
    hostname: 'buildkitsandbox',
    extraHosts: [],
    ulimits: [],
    ...rest,
    contexts: new Map(Object.entries(contexts)),
    async resolveImage(ref, platform) {
      const image = Object.hasOwn(known, ref) ? known[ref] : undefined;
      if (image === undefined) throw new Error('not found');
      const { os, architecture, variant, 'os.version': osVersion } = image.platform ?? platform;
      return {
        ref: `example.test/${ref}`,
        manifest: `sha256:${'0'.repeat(64)}`,
        config: {
          os,
          architecture,
          ...(variant !== undefined && { variant }),
          ...(osVersion !== undefined && { 'os.version': osVersion }),
          created: '2020-01-01T00:00:00Z',
          config: image.config ?? {},
          rootfs: {
            type: 'layers',
            diff_ids: image.layers === false ? [] : [`sha256:${'1'.repeat(64)}` as DiffId],
          },
          history: [{ created_by: `image ${ref}` }],
        },
      };
    },
    ...(ignored !== undefined && { isIgnored: (_: string, path: string) => ignored.includes(path) }),
  };
}

/** A lowered build and what was found in it, with numbers in place of digests, and nothing said that is as usual. */
export function readable(build: LoweredBuild, findings: readonly Finding[]): unknown {
  const { vertices } = build.definition;
  const numbers = new Map([...vertices.keys()].map((digest, index) => [digest, index]));
  const { base, history, ...image } = build.image;
  return {
    steps: [...vertices.values()].map(({ op, inputs, meta }) => ({
      name: meta.name,
      ...(meta.lines !== undefined && { lines: `${meta.lines.start}-${meta.lines.end}` }),
      ...(meta.ignoreCache && { ignoreCache: true }),
      op: withoutDefaults(op),
      inputs: inputs.map((digest) => numbers.get(digest)),
    })),
    result: numbers.get(build.definition.result),
    image: { ...image, ...(base !== undefined && { base: base.ref }) },
    history: history.map(({ created_by = '', empty_layer, created }) =>
      [empty_layer ? '-' : '+', ...(created === undefined ? [] : [created]), created_by].join(' '),
    ),
    warnings: findings.map(shortText),
  };
}

/** What most RUNs and COPYs have in common says nothing in a golden. */
const usual: Readonly<Record<string, unknown>> = {
  hostname: 'buildkitsandbox',
  network: 'default',
  security: 'sandbox',
  user: '',
  cwd: '/',
  extraHosts: [],
  ulimits: [],
  proxyEnv: [],
  devices: [],
  mounts: [],
  exclude: [],
  parents: false,
  keepOwner: false,
  unpack: 'never',
};

function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(
    ([key, item]) => !(key in usual && JSON.stringify(item) === JSON.stringify(usual[key])),
  );
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutDefaults(item)]));
}
