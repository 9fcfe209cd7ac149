import type { Readable } from 'node:stream';
import type { Descriptor, Digest, Reference } from '../../layers/index.ts';
import type { RegistryOptions } from './client.ts';
import { RepositoryFetcher } from './fetcher.ts';
import { placesOf, withInsecure } from './places.ts';
import { readRegistryRules } from './registries-config.ts';
import { type Fetcher, RegistryError } from './registry.ts';

/**
 * Reads from the repository of a reference: at its mirrors, in their order, and at its registry for what none of them
 * has. Close it when done. Throws `BAD_CONFIG`, `DENIED` for registries.conf.
 */
export async function openFetcher(reference: Reference, options: RegistryOptions = {}): Promise<Fetcher> {
  const rules = await readRegistryRules(options.environment ?? process.env);
  const { primary, mirrors } = withInsecure(placesOf(reference, rules), options.insecure);
  const [only, ...others] = [...mirrors, primary].map((place) => new RepositoryFetcher(place, options));
  return others.length === 0 ? only! : new MirroredFetcher([only!, ...others], options.signal);
}

/** Several places that should have the same. Whatever is wrong with a mirror sends the request to the next place. */
class MirroredFetcher implements Fetcher {
  constructor(
    private readonly places: readonly RepositoryFetcher[],
    private readonly signal: AbortSignal | undefined,
  ) {}

  resolve(reference: Reference): Promise<Descriptor> {
    return this.first((place) => place.resolve(reference));
  }

  manifest(digest: Digest) {
    return this.first((place) => place.manifest(digest));
  }

  blob(descriptor: Descriptor, offset?: number): Promise<Readable> {
    return this.first((place) => place.blob(descriptor, offset));
  }

  tags(): Promise<readonly string[]> {
    return this.places.at(-1)!.tags();
  }

  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]> {
    return this.first((place) => place.referrers(digest, artifactType));
  }

  close(): void {
    for (const place of this.places) place.close();
  }

  /** The registry's own error is the one to tell: a mirror that lacks something is no news. */
  private async first<T>(ask: (place: RepositoryFetcher) => Promise<T>): Promise<T> {
    const [registry, ...mirrors] = [...this.places].reverse();
    for (const mirror of mirrors.reverse()) {
      try {
        return await ask(mirror);
      } catch (error) {
        if (this.signal?.aborted || !(error instanceof Error) || error.name === 'AbortError') throw error;
        if (error instanceof RegistryError && error.code === 'BAD_CONFIG') throw error;
      }
    }
    return await ask(registry!);
  }
}
