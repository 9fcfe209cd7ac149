import type { CacheExport, CacheImport, CacheSource, CacheTarget } from '../cache/request.ts';
import type { LayerForm } from '../exporter/encode-layer.ts';
import { ApiError } from './errors.ts';
import type { CacheAttributes } from './types.ts';

/** Bytes of one cache mount, unless told. */
const MOUNT_LIMIT = 2 ** 30;
/** Services that Docker's builder can keep a cache in, and this one cannot. */
const ELSEWHERE: ReadonlySet<string> = new Set(['gha', 's3', 'azblob']);

export interface CachePlan {
  readonly imports: readonly CacheImport[];
  readonly exports: readonly CacheExport[];
  readonly warnings: readonly string[];
}

/** Reads `--cache-from` and `--cache-to`. Throws `BAD_REQUEST` for what makes no sense. */
export function planCaches(from: readonly CacheAttributes[], to: readonly CacheAttributes[]): CachePlan {
  const warnings: string[] = [];
  const supported = (option: string) => (attributes: CacheAttributes) => {
    const { type = '' } = attributes;
    if (!ELSEWHERE.has(type)) return true;
    const message = `${option} type=${type} is not supported: use type=registry or type=local`;
    if (attributes['ignore-error'] === 'false') throw wrong(option, message);
    warnings.push(`${message}; the build goes on without it`);
    return false;
  };
  const imports = from.filter(supported('--cache-from')).map(readImport);
  const exports = to.filter(supported('--cache-to')).map(readExport);
  return { imports, exports, warnings };
}

/** Takes attributes one by one; what nobody asked for is a mistake. */
class Attributes {
  readonly #left: Map<string, string>;

  constructor(
    readonly option: string,
    attributes: CacheAttributes,
  ) {
    this.#left = new Map(Object.entries(attributes));
  }

  take(key: string): string | undefined {
    const value = this.#left.get(key);
    this.#left.delete(key);
    return value === '' ? undefined : value;
  }

  required(key: string, type: string): string {
    const value = this.take(key);
    if (value === undefined) throw wrong(this.option, `${this.option} type=${type} needs ${key}=…`);
    return value;
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.take(key);
    if (value === undefined) return otherwise;
    if (/^(?:1|t|true)$/i.test(value)) return true;
    if (/^(?:0|f|false)$/i.test(value)) return false;
    throw wrong(this.option, `${this.option}: ${key}=${value}: write true or false`);
  }

  end(type: string): void {
    const [unknown] = this.#left.keys();
    if (unknown !== undefined)
      throw wrong(this.option, `${this.option} type=${type} has no attribute "${unknown}"`);
  }
}

function readImport(given: CacheAttributes): CacheImport {
  const attributes = new Attributes('--cache-from', given);
  const type = attributes.take('type') ?? 'registry';
  const source = readSource(type, attributes);
  const read = {
    source,
    ignoreError: attributes.flag('ignore-error', true),
    mounts: attributes.flag('mounts', true),
  };
  attributes.end(type);
  return read;
}

function readSource(type: string, attributes: Attributes): CacheSource {
  if (type === 'registry') {
    const ref = attributes.required('ref', type);
    return { type, ref, insecure: attributes.flag('registry.insecure', false) };
  }
  if (type !== 'local') throw unknownType('--cache-from', type, 'registry or local');
  const digest = attributes.take('digest');
  return {
    type,
    path: attributes.required('src', type),
    tag: attributes.take('tag') ?? 'latest',
    ...(digest !== undefined && { digest }),
  };
}

function readExport(given: CacheAttributes): CacheExport {
  const attributes = new Attributes('--cache-to', given);
  const type = attributes.take('type') ?? 'registry';
  const target = readTarget(type, attributes);
  const mode = attributes.take('mode') ?? 'min';
  if (mode !== 'min' && mode !== 'max')
    throw wrong('--cache-to', `--cache-to: mode=${mode}: write min or max`);
  requireOurs(attributes);
  const form = readForm(attributes);
  const limit = attributes.take('mounts-limit');
  const read = {
    target,
    mode,
    ignoreError: attributes.flag('ignore-error', true),
    mounts: attributes.flag('mounts', type !== 'inline'),
    mountLimit: limit === undefined ? MOUNT_LIMIT : bytesOf(limit),
    ...(form && { form }),
  } as const;
  attributes.end(type);
  return read;
}

function readTarget(type: string, attributes: Attributes): CacheTarget {
  switch (type) {
    case 'inline':
      return { type };
    case 'registry': {
      const ref = attributes.required('ref', type);
      return { type, ref, insecure: attributes.flag('registry.insecure', false) };
    }
    case 'local':
      return { type, path: attributes.required('dest', type), tag: attributes.take('tag') ?? 'latest' };
    default:
      throw unknownType('--cache-to', type, 'registry, local or inline');
  }
}

/** The cache is an image manifest in OCI's types, whatever is asked for. */
function requireOurs(attributes: Attributes): void {
  for (const key of ['image-manifest', 'oci-mediatypes']) {
    if (!attributes.flag(key, true))
      throw wrong(
        '--cache-to',
        `--cache-to: ${key}=false is not supported: the cache is an OCI image manifest`,
      );
  }
}

const KINDS = { gzip: 'gzip', zstd: 'zstd', uncompressed: 'none' } as const;

function readForm(attributes: Attributes): LayerForm | undefined {
  const kind = attributes.take('compression');
  const level = attributes.take('compression-level');
  const force = attributes.flag('force-compression', false);
  if (kind === undefined && level === undefined && !force) return undefined;
  if (kind !== undefined && !Object.hasOwn(KINDS, kind))
    throw wrong('--cache-to', `--cache-to: compression=${kind}: use gzip, zstd or uncompressed`);
  if (level !== undefined && !/^\d{1,2}$/.test(level))
    throw wrong('--cache-to', `--cache-to: compression-level=${level}: write a number`);
  return {
    compression: KINDS[(kind ?? 'gzip') as keyof typeof KINDS],
    force,
    ...(level !== undefined && { level: Number(level) }),
  };
}

function bytesOf(text: string): number {
  const match = /^(\d{1,12})([kmg]?)b?$/i.exec(text);
  if (match === null)
    throw wrong('--cache-to', `--cache-to: mounts-limit=${text}: write a size such as 500m or 2g`);
  return Number(match[1]) * 1024 ** ' kmg'.indexOf((match[2] || ' ').toLowerCase());
}

function unknownType(option: string, type: string, known: string): ApiError {
  return wrong(option, `${option}: unknown cache type "${type}": use ${known}`);
}

function wrong(option: string, message: string): ApiError {
  return new ApiError('BAD_REQUEST', option, message);
}
