import { type Descriptor, type Digest, MediaType, parseImageDocument } from '../../layers/index.ts';
import type { RepositoryClient } from './client.ts';
import { RegistryError } from './registry.ts';
import type { HttpResponse } from './transport.ts';

/** Bytes of one page; as much as a manifest may have. */
const PAGE_LIMIT = 4 << 20;
const MAX_PAGES = 1000;
/** Bytes of all pages together. */
const LISTING_LIMIT = 32 << 20;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** distribution spec, "Listing Tags", page by page. What is no tag is left out: it could not be asked for. */
export async function listTags(client: RepositoryClient, name: string): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const { bytes } of pages(client, 'tags/list?n=1000', name, [200])) {
    const found = (parseJson(bytes, name) as { readonly tags?: unknown } | null)?.tags ?? [];
    if (!Array.isArray(found)) throw invalid(name, 'a list of tags that is none');
    for (const tag of found) if (typeof tag === 'string' && TAG.test(tag)) tags.push(tag);
  }
  return tags;
}

/**
 * distribution spec, "Listing Referrers": from the API, and where a registry has none from the index under the tag that
 * clients keep in its stead.
 */
export async function listReferrers(
  client: RepositoryClient,
  digest: Digest,
  artifactType?: string,
): Promise<readonly Descriptor[]> {
  const subject = `${client.place.domain}/${client.place.repository}@${digest}`;
  const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`;
  const found: Descriptor[] = [];
  for await (const page of pages(client, `referrers/${digest}${query}`, subject, [200, 404])) {
    if (page.status === 404) {
      found.push(...(await fallbackReferrers(client, digest)));
      break;
    }
    const document = parseImageDocument(page.bytes, MediaType.ociIndex);
    if (document.kind === 'index') found.push(...document.index.manifests);
  }
  // A registry may leave the filtering to its clients.
  return artifactType === undefined ? found : found.filter((entry) => entry.artifactType === artifactType);
}

/** distribution spec, "Referrers Tag Schema". */
export function referrersTag(digest: Digest): string {
  return digest.replace(':', '-').slice(0, 128);
}

/** The index under the referrers tag; empty when there is none. */
export async function fallbackReferrers(
  client: RepositoryClient,
  digest: Digest,
): Promise<readonly Descriptor[]> {
  const answer = await client.requestBody(
    {
      method: 'GET',
      path: `manifests/${referrersTag(digest)}`,
      subject: `${client.place.domain}/${client.place.repository}@${digest}`,
      headers: { accept: MediaType.ociIndex },
      expect: [200, 404],
    },
    PAGE_LIMIT,
  );
  if (answer.status === 404) return [];
  const document = parseImageDocument(answer.bytes);
  return document.kind === 'index' ? document.index.manifests : [];
}

type Page = HttpResponse & { readonly bytes: Buffer };

/** RFC 8288 `Link: <…>; rel="next"`, followed on the registry's own origin alone. */
async function* pages(
  client: RepositoryClient,
  first: string,
  subject: string,
  expect: readonly number[],
): AsyncGenerator<Page> {
  let path: string | URL | undefined = first;
  let size = 0;
  for (let count = 0; path !== undefined; count++) {
    if (count >= MAX_PAGES || size > LISTING_LIMIT)
      throw new RegistryError('LIMIT_EXCEEDED', subject, `The listing of ${subject} does not end`);
    const page: Page = await client.requestBody({ method: 'GET', path, subject, expect }, PAGE_LIMIT);
    size += page.bytes.length;
    yield page;
    path = nextPage(page, subject);
  }
}

function nextPage({ headers, url }: HttpResponse, subject: string): URL | undefined {
  const target = /<([^<>]*)>\s*;[^,]*\brel="?next"?/.exec(String(headers.link ?? ''))?.[1];
  if (target === undefined) return undefined;
  if (!URL.canParse(target, url.href)) throw invalid(subject, 'a listing with a broken link');
  const next = new URL(target, url.href);
  if (next.origin !== url.origin) throw invalid(subject, `a listing that goes on at ${next.origin}`);
  return next;
}

function parseJson(bytes: Buffer, name: string): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw invalid(name, 'a listing that is not JSON');
  }
}

function invalid(subject: string, what: string): RegistryError {
  return new RegistryError('INVALID_RESPONSE', subject, `Registry sent ${what} for ${subject}`);
}
