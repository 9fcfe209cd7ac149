import type { Readable } from 'node:stream';
import {
  type Descriptor,
  type Digest,
  MediaType,
  parseImageDocument,
  type Reference,
} from '../../layers/index.ts';
import { type RegistryOptions, RepositoryClient } from './client.ts';
import { fallbackReferrers, referrersTag } from './listings.ts';
import { placesOf, withInsecure } from './places.ts';
import { readRegistryRules } from './registries-config.ts';
import type { HttpResponse } from './transport.ts';
import { type OpenBlob, Uploads } from './uploads.ts';

/** Where a name's content is written to. Distribution spec 1.1, "Push". Errors are {@link RegistryError}. */
export interface Pusher {
  /** Whether the repository has the blob. */
  hasBlob(digest: Digest): Promise<boolean>;
  /**
   * Uploads a blob unless it is there; `mountFrom` names a repository of the same registry that may have it. An upload
   * that broke off goes on where the registry says it got to.
   */
  blob(
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    open: OpenBlob,
    mountFrom?: string,
  ): Promise<'present' | 'mounted' | 'uploaded'>;
  /** Has the registry take a blob over from another of its repositories; false when it does not. */
  mount(digest: Digest, from: string): Promise<boolean>;
  /**
   * Uploads bytes while they are being made; gives a function that ends the upload once their digest is known. Cannot
   * be taken up again: when it fails, `blob` is to be called.
   */
  stream(bytes: Readable): Promise<(digest: Digest) => Promise<void>>;
  /** Whether the repository has the manifest or index. */
  hasManifest(digest: Digest): Promise<boolean>;
  /**
   * Puts a manifest or index, under a tag or (undefined) its digest alone. What it names must be there. One with a
   * `subject` is among its referrers afterwards.
   */
  manifest(bytes: Uint8Array, descriptor: Descriptor, tag?: string): Promise<void>;
  close(): void;
}

/** Writes to the repository of a reference; mirrors are not written to. Throws `BAD_CONFIG`, `DENIED` for registries.conf. */
export async function openPusher(reference: Reference, options: RegistryOptions = {}): Promise<Pusher> {
  const rules = await readRegistryRules(options.environment ?? process.env);
  const { primary } = withInsecure(placesOf(reference, rules), options.insecure);
  return new RepositoryPusher(new RepositoryClient(primary, options), options);
}

class RepositoryPusher implements Pusher {
  private readonly name: string;
  private readonly uploads: Uploads;

  constructor(
    private readonly client: RepositoryClient,
    options: RegistryOptions,
  ) {
    this.name = `${client.place.domain}/${client.place.repository}`;
    this.uploads = new Uploads(client, options);
  }

  hasBlob(digest: Digest): Promise<boolean> {
    return this.head(`blobs/${digest}`, digest);
  }

  hasManifest(digest: Digest): Promise<boolean> {
    return this.head(`manifests/${digest}`, digest);
  }

  async blob(descriptor: Pick<Descriptor, 'digest' | 'size'>, open: OpenBlob, mountFrom?: string) {
    if (await this.hasBlob(descriptor.digest)) return 'present';
    return await this.uploads.blob(descriptor, open, mountFrom);
  }

  mount(digest: Digest, from: string): Promise<boolean> {
    return this.uploads.mount(digest, from);
  }

  stream(bytes: Readable) {
    return this.uploads.stream(bytes);
  }

  async manifest(bytes: Uint8Array, descriptor: Descriptor, tag?: string): Promise<void> {
    const answer = await this.put(bytes, descriptor, tag ?? descriptor.digest);
    const referrer = readReferrer(bytes, descriptor);
    // distribution spec, "Pushing Manifests with Subject": without the header the registry has no referrers API.
    if (referrer !== undefined && answer.headers['oci-subject'] === undefined)
      await this.addReferrer(referrer, descriptor);
  }

  close(): void {
    this.client.close();
  }

  private async put(bytes: Uint8Array, { mediaType }: Descriptor, version: string): Promise<HttpResponse> {
    const isDigest = version.includes(':');
    const answer = await this.client.request({
      method: 'PUT',
      path: `manifests/${version}`,
      subject: `${this.name}${isDigest ? '@' : ':'}${version}`,
      headers: { 'content-type': mediaType },
      body: bytes,
      action: 'pull,push',
      expect: [200, 201],
    });
    answer.body.resume();
    return answer;
  }

  /** distribution spec, "Referrers Tag Schema": an index of them under a tag made of the subject's digest. */
  private async addReferrer({ subject, entry }: Referrer, descriptor: Descriptor): Promise<void> {
    const known = await fallbackReferrers(this.client, subject);
    const { mediaType, digest, size } = descriptor;
    if (known.some((other) => other.digest === digest)) return;
    const manifests = [...known, { mediaType, digest, size, ...entry }];
    const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
    const bytes = Buffer.from(JSON.stringify(index));
    await this.put(bytes, { ...descriptor, mediaType: MediaType.ociIndex }, referrersTag(subject));
  }

  private async head(path: string, digest: Digest): Promise<boolean> {
    const answer = await this.client.request({
      method: 'HEAD',
      path,
      subject: `${this.name}@${digest}`,
      headers: { accept: '*/*' },
      action: 'pull,push',
      expect: [200, 404],
    });
    answer.body.resume();
    return answer.status === 200;
  }
}

/** What a referrer says of itself. A manifest without a type of its own has that of its configuration, an index none. */
function readReferrer(bytes: Uint8Array, { mediaType }: Descriptor): Referrer | undefined {
  // Most manifests are none, and need no more than this look.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"subject"')) return undefined;
  const document = parseImageDocument(bytes, mediaType);
  const { subject, annotations, artifactType } =
    document.kind === 'index' ? document.index : document.manifest;
  if (subject === undefined) return undefined;
  const type = artifactType ?? (document.kind === 'index' ? undefined : document.manifest.config.mediaType);
  return {
    subject: subject.digest,
    entry: { ...(type !== undefined && { artifactType: type }), ...(annotations && { annotations }) },
  };
}

interface Referrer {
  readonly subject: Digest;
  readonly entry: Pick<Descriptor, 'artifactType' | 'annotations'>;
}
