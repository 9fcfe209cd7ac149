import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor, Digest, Reference } from '../../layers/index.ts';
import { type RegistryOptions, RepositoryClient } from './client.ts';
import { RegistryError } from './registry.ts';
import type { HttpResponse } from './transport.ts';

const MAX_UPLOADS = 4;

/** Where a name's content is written to. Distribution spec 1.1, "Push". Errors are {@link RegistryError}. */
export interface Pusher {
  /** Whether the repository has the blob. */
  hasBlob(digest: Digest): Promise<boolean>;
  /**
   * Uploads a blob unless it is there; `mountFrom` names a repository of the same registry that may have it. `open` is
   * called once per attempt, and streams at the pace of the network.
   */
  blob(
    descriptor: Descriptor,
    open: () => Readable,
    mountFrom?: string,
  ): Promise<'present' | 'mounted' | 'uploaded'>;
  /** Whether the repository has the manifest or index. */
  hasManifest(digest: Digest): Promise<boolean>;
  /** Puts a manifest or index, under a tag or (undefined) its digest alone. What it names must be there. */
  manifest(bytes: Uint8Array, descriptor: Descriptor, tag?: string): Promise<void>;
  close(): void;
}

export function openPusher(reference: Reference, options: RegistryOptions = {}): Pusher {
  return new RepositoryPusher(reference, options);
}

class RepositoryPusher implements Pusher {
  private readonly client: RepositoryClient;
  private readonly name: string;

  constructor(
    { domain, path }: Reference,
    private readonly options: RegistryOptions,
  ) {
    this.client = new RepositoryClient(domain, path, options);
    this.name = `${domain}/${path}`;
  }

  hasBlob(digest: Digest): Promise<boolean> {
    return this.head(`blobs/${digest}`, digest);
  }

  hasManifest(digest: Digest): Promise<boolean> {
    return this.head(`manifests/${digest}`, digest);
  }

  async blob(descriptor: Descriptor, open: () => Readable, mountFrom?: string) {
    if (await this.hasBlob(descriptor.digest)) return 'present';
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.upload(descriptor, open, mountFrom);
      } catch (error) {
        const again = error instanceof RegistryError && ['UNREACHABLE', 'RATE_LIMITED'].includes(error.code);
        if (!again || attempt >= MAX_UPLOADS || this.options.signal?.aborted === true) throw error;
        await delay((this.options.retryDelay ?? 500) * 2 ** attempt);
      }
    }
  }

  async manifest(bytes: Uint8Array, descriptor: Descriptor, tag?: string): Promise<void> {
    const answer = await this.client.request({
      method: 'PUT',
      path: `manifests/${tag ?? descriptor.digest}`,
      subject: tag === undefined ? `${this.name}@${descriptor.digest}` : `${this.name}:${tag}`,
      headers: { 'content-type': descriptor.mediaType },
      body: bytes,
      action: 'pull,push',
      expect: [200, 201],
    });
    answer.body.resume();
  }

  close(): void {
    this.client.close();
  }

  private async head(path: string, digest: Digest): Promise<boolean> {
    const subject = `${this.name}@${digest}`;
    const answer = await this.client.request({
      method: 'HEAD',
      path,
      subject,
      headers: { accept: '*/*' },
      action: 'pull,push',
      expect: [200, 404],
    });
    answer.body.resume();
    return answer.status === 200;
  }

  /** "Single POST and PUT": one session, the whole blob in one streamed request. */
  private async upload(descriptor: Descriptor, open: () => Readable, mountFrom: string | undefined) {
    const { digest, size } = descriptor;
    const subject = `${this.name}@${digest}`;
    const session = await this.start(digest, mountFrom);
    session.body.resume();
    if (session.status === 201) return 'mounted' as const;
    const location = this.uploadLocation(session);
    location.searchParams.set('digest', digest);
    const answer = await this.client.request({
      method: 'PUT',
      path: location,
      subject,
      headers: { 'content-type': 'application/octet-stream' },
      body: { size, open },
      action: 'pull,push',
      expect: [200, 201, 204],
    });
    answer.body.resume();
    return 'uploaded' as const;
  }

  /** 202 with an upload location, or 201 when the registry could mount the blob from the other repository. */
  private async start(digest: Digest, mountFrom: string | undefined): Promise<HttpResponse> {
    const query =
      mountFrom === undefined ? '' : `?${new URLSearchParams({ mount: digest, from: mountFrom })}`;
    const request = {
      method: 'POST',
      path: `blobs/uploads/${query}`,
      subject: `${this.name}@${digest}`,
      headers: { 'content-length': '0' },
      action: 'pull,push',
      expect: [201, 202],
    } as const;
    if (mountFrom === undefined) return this.client.request(request);
    // A token for the other repository may be refused: then the blob is simply uploaded.
    return this.client.request({ ...request, alsoPull: mountFrom }).catch((error: unknown) => {
      if (!(error instanceof RegistryError) || !['UNAUTHORIZED', 'DENIED'].includes(error.code)) throw error;
      return this.start(digest, undefined);
    });
  }

  private uploadLocation(session: HttpResponse): URL {
    const { location } = session.headers;
    const { url } = session;
    if (location === undefined || !URL.canParse(location, url.href))
      throw new RegistryError(
        'INVALID_RESPONSE',
        this.name,
        `Registry ${url.host} gave no place to upload to`,
      );
    const target = new URL(location, url);
    if (target.protocol !== 'https:' && target.protocol !== url.protocol) {
      const where = `${target.protocol}//${target.host}`;
      throw new RegistryError(
        'INVALID_RESPONSE',
        this.name,
        `Registry ${url.host} wants uploads at ${where}`,
      );
    }
    return target;
  }
}
