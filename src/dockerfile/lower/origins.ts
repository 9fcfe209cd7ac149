import { formatPlatform, type Platform, parseReference } from '../../../layers/index.ts';
import { didYouMean, suggest } from '../../text/suggest.ts';
import { contextKey } from '../context-name.ts';
import { DockerfileError, type DockerfileSource, type SourceRange } from '../source.ts';
import type { LowerRequest, NamedContext, ResolvedImage } from './request.ts';

/** What a name that is no stage turned out to be. */
export type Found =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'image'; readonly image: ResolvedImage; readonly platform: Platform }
  | { readonly kind: 'files'; readonly name: string; readonly context: FileContext };

/** Named contexts that are files without an image config. */
export type FileContext = Extract<NamedContext, { kind: 'local' | 'http' | 'git' }>;

/** Looks up images and named contexts, each of them once. */
export class Origins {
  readonly #request: LowerRequest;
  readonly #source: DockerfileSource;
  readonly #contexts: ReadonlyMap<string, readonly [name: string, context: NamedContext]>;
  readonly #lookups = new Map<string, Promise<Found>>();
  readonly #found = new Map<string, Found>();

  constructor(request: LowerRequest, source: DockerfileSource) {
    this.#request = request;
    this.#source = source;
    this.#contexts = new Map(
      [...request.contexts].map(([name, context]) => {
        const [image = '', platform] = name.split('::', 2);
        const key = contextKey(image) + (platform === undefined ? '' : `::${platform}`);
        return [key, [name, context] as const];
      }),
    );
  }

  isContext(name: string, platform: Platform): boolean {
    return this.#context(name, platform) !== undefined;
  }

  /** Finds the name; what it is stays known to `get`. Throws `NOT_FOUND` at `range`. `others`: names it may be a slip for. */
  resolve(name: string, platform: Platform, range: SourceRange, others: readonly string[]): Promise<Found> {
    const key = keyOf(name, platform);
    let lookup = this.#lookups.get(key);
    if (lookup === undefined) {
      lookup = this.#lookUp(name, platform, range, others);
      this.#lookups.set(key, lookup);
    }
    return lookup;
  }

  /** What `resolve` found. */
  get(name: string, platform: Platform): Found {
    const found = this.#found.get(keyOf(name, platform));
    if (found === undefined) throw new Error(`Cannot use ${name}: it has not been looked up`);
    return found;
  }

  async #lookUp(
    name: string,
    platform: Platform,
    range: SourceRange,
    others: readonly string[],
  ): Promise<Found> {
    const found = await this.#find(name, platform, range, others);
    this.#found.set(keyOf(name, platform), found);
    return found;
  }

  async #find(
    name: string,
    platform: Platform,
    range: SourceRange,
    others: readonly string[],
  ): Promise<Found> {
    const [contextName, context] = this.#context(name, platform) ?? [];
    if (context === undefined) return this.#image(name, name, platform, range, others);
    switch (context.kind) {
      case 'scratch':
        return { kind: 'scratch' };
      case 'image':
        return this.#image(context.ref, name, platform, range, []);
      case 'oci-layout':
        return this.#image(
          `oci-layout://${context.ref.replace(/^oci-layout:\/\//, '')}`,
          name,
          platform,
          range,
          [],
        );
      default:
        return { kind: 'files', name: contextName!, context };
    }
  }

  async #image(
    ref: string,
    name: string,
    platform: Platform,
    range: SourceRange,
    others: readonly string[],
  ): Promise<Found> {
    const fail = (message: string, cause: unknown) => {
      const { tail, hint } = adviceFor(name, others);
      return new DockerfileError('NOT_FOUND', message + tail, this.#source, [range], hint, {
        cause,
        subject: name,
      });
    };
    if (!ref.startsWith('oci-layout://')) {
      try {
        parseReference(ref);
      } catch (error) {
        throw fail(`failed to parse stage name ${JSON.stringify(name)}: ${(error as Error).message}`, error);
      }
    }
    try {
      return { kind: 'image', image: await this.#request.resolveImage(ref, platform), platform };
    } catch (error) {
      this.#request.signal?.throwIfAborted();
      if (isOfThisMachine(error)) throw error;
      throw fail(`${name}: ${(error as Error).message}`, error);
    }
  }

  /** A context for this platform goes before one for all. */
  #context(name: string, platform: Platform): readonly [name: string, context: NamedContext] | undefined {
    const key = contextKey(name);
    if (key === 'scratch' || key === 'context') return undefined;
    return this.#contexts.get(`${key}::${formatPlatform(platform)}`) ?? this.#contexts.get(key);
  }
}

/** Whether the image was not to blame: a full disk and the like are not mended by another name. */
function isOfThisMachine(error: unknown): boolean {
  for (let next = error; next instanceof Error; next = next.cause)
    if (MACHINE_CODES.has((next as NodeJS.ErrnoException).code)) return true;
  return false;
}

const MACHINE_CODES: ReadonlySet<unknown> = new Set([
  'EACCES',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOSPC',
  'EPERM',
  'EROFS',
]);

/** What a name may have been meant for that no image was found by. `stages`: names, or `stage-N`. */
function adviceFor(
  name: string,
  stages: readonly string[],
): { readonly tail: string; readonly hint: string } {
  const named = stages.filter((stage) => !/^stage-\d+$/.test(stage));
  const stage = suggest(name, named);
  if (stage !== undefined) {
    return {
      tail: `; nor is it a stage of this Dockerfile${didYouMean(stage)}`,
      hint: `Write ${stage} in place of ${name}, if the stage is meant`,
    };
  }
  const tail = didYouMean(suggest(name, COMMON_IMAGES));
  const isPlain = /^[a-z0-9_-]+$/i.test(name);
  return {
    tail,
    hint:
      isPlain && named.length > 0
        ? `Check the spelling, and that the image exists and may be pulled; the stages here are ${named.join(', ')}`
        : 'Check the spelling, and that the image exists and may be pulled',
  };
}

/** Names that are often meant when a name is not found. */
const COMMON_IMAGES = [
  'alpine',
  'busybox',
  'centos',
  'debian',
  'golang',
  'ubuntu',
  'fedora',
  'node',
  'python',
];

function keyOf(name: string, platform: Platform): string {
  return JSON.stringify([name, formatPlatform(platform)]);
}
