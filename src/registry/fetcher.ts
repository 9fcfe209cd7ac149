import { type Readable, Transform } from 'node:stream';
import {
  algorithmOf,
  type Descriptor,
  type Digest,
  digestOf,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  MediaType,
  parseDigest,
  parseImageDocument,
  type Reference,
} from '../../layers/index.ts';
import { type RegistryOptions, RepositoryClient } from './client.ts';
import { listReferrers, listTags } from './listings.ts';
import type { Place } from './places.ts';
import { type Fetcher, RegistryError } from './registry.ts';
import type { HttpResponse } from './transport.ts';

/** distribution spec, "Pulling manifests": the types this client understands, preferred ones first. */
const ACCEPT = [
  MediaType.ociIndex,
  MediaType.ociManifest,
  MediaType.dockerIndex,
  MediaType.dockerManifest,
].join(', ');

/** Reads one repository at one place. */
export class RepositoryFetcher implements Fetcher {
  private readonly client: RepositoryClient;
  private readonly name: string;
  /** What `resolve` had to read whole, so that it is not read again. */
  private readonly manifests = new Map<Digest, { readonly descriptor: Descriptor; readonly bytes: Buffer }>();

  constructor(place: Place, options: RegistryOptions) {
    this.client = new RepositoryClient(place, options);
    this.name = `${place.domain}/${place.repository}`;
  }

  async resolve({ tag, digest }: Reference): Promise<Descriptor> {
    const version = digest ?? tag ?? 'latest';
    const subject = digest === undefined ? `${this.name}:${version}` : `${this.name}@${version}`;
    const path = `manifests/${version}`;
    const head = await this.client.request({
      method: 'HEAD',
      path,
      subject,
      headers: { accept: ACCEPT },
      expect: [200, 400, 405, 404],
    });
    head.body.resume();
    const described = head.status === 200 ? describedBy(head) : undefined;
    if (described !== undefined && (digest === undefined || digest === described.digest)) return described;
    // Registries may leave the digest out of the answer, or HEAD undone: then the bytes tell.
    return (await this.read(path, subject, digest)).descriptor;
  }

  async manifest(digest: Digest) {
    return this.manifests.get(digest) ?? this.read(`manifests/${digest}`, `${this.name}@${digest}`, digest);
  }

  async blob(descriptor: Descriptor, offset = 0): Promise<Readable> {
    // The descriptor's `urls` are not followed: a manifest does not decide where this machine connects to.
    const { digest } = descriptor;
    const answer = await this.client.request({
      method: 'GET',
      path: `blobs/${digest}`,
      subject: `${this.name}@${digest}`,
      ...(offset > 0 && { headers: { range: `bytes=${offset}-` } }),
      expect: offset > 0 ? [200, 206] : [200],
    });
    if (answer.status === 206) {
      if (rangeStart(answer) === offset) return answer.body;
      answer.body.destroy();
      throw new RegistryError(
        'INVALID_RESPONSE',
        digest,
        `Registry sent another part of ${digest} than asked for`,
      );
    }
    return offset === 0 ? answer.body : answer.body.pipe(skip(offset, answer.body));
  }

  tags(): Promise<readonly string[]> {
    return listTags(this.client, this.name);
  }

  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]> {
    return listReferrers(this.client, digest, artifactType);
  }

  close(): void {
    this.client.close();
  }

  private async read(path: string, subject: string, expected: Digest | undefined) {
    const answer = await this.client.requestBody(
      { method: 'GET', path, subject, headers: { accept: ACCEPT }, expect: [200] },
      MAX_MANIFEST_BYTES,
    );
    const { bytes } = answer;
    const digest = digestOf(bytes, expected && algorithmOf(expected));
    if (expected !== undefined && digest !== expected) {
      throw new RegistryError(
        'INVALID_RESPONSE',
        subject,
        `Registry sent a manifest with digest ${digest} for ${subject}`,
      );
    }
    if (!/^\s*\{/.test(bytes.toString('latin1', 0, 64)))
      throw new RegistryError('INVALID_RESPONSE', subject, `Registry sent no manifest for ${subject}`, {
        hint: 'What answers there may be no registry: a proxy, or a page to log in at',
      });
    const document = parseImageDocument(bytes, mediaTypeOf(answer));
    const { mediaType } = document.kind === 'index' ? document.index : document.manifest;
    const read = { descriptor: { mediaType, digest, size: bytes.length }, bytes };
    this.manifests.set(digest, read);
    return read;
  }
}

/** The descriptor in the headers of an answer, if they hold a whole one. */
function describedBy(answer: HttpResponse): Descriptor | undefined {
  const mediaType = mediaTypeOf(answer);
  const size = Number(answer.headers['content-length']);
  const digest = answer.headers['docker-content-digest'];
  if (mediaType === undefined || typeof digest !== 'string' || !(size > 0) || size > MAX_MANIFEST_BYTES)
    return undefined;
  return { mediaType, digest: parseDigest(digest), size };
}

function mediaTypeOf({ headers }: HttpResponse): string | undefined {
  const type = headers['content-type']?.split(';')[0]?.trim();
  return type !== undefined && (isIndexType(type) || isManifestType(type)) ? type : undefined;
}

function rangeStart({ headers }: HttpResponse): number {
  return Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? Number.NaN);
}

/** Drops the first bytes of an answer to a Range request that was not honoured. */
function skip(count: number, source: Readable): Transform {
  let left = count;
  const rest = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const dropped = Math.min(left, chunk.length);
      left -= dropped;
      done(null, dropped === 0 ? chunk : chunk.subarray(dropped));
    },
    destroy(error, done) {
      source.destroy();
      done(error);
    },
  });
  source.once('error', (error) => rest.destroy(error));
  return rest;
}
