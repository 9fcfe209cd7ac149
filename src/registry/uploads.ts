import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor, Digest } from '../../layers/index.ts';
import type { RegistryOptions, RepositoryClient, RepositoryRequest } from './client.ts';
import { RegistryError } from './registry.ts';
import type { HttpResponse } from './transport.ts';

/** Tries in a row that bring no byte further. */
const MAX_FAILURES = 4;
const BYTES = { 'content-type': 'application/octet-stream' };

/** Bytes of a blob from an offset, for as often as they are needed. */
export type OpenBlob = (offset: number) => Readable;

type BlobName = Pick<Descriptor, 'digest' | 'size'>;

/** Brings blobs into a repository. distribution spec 1.1, "Pushing Blobs". */
export class Uploads {
  private readonly name: string;

  constructor(
    private readonly client: RepositoryClient,
    private readonly options: RegistryOptions,
  ) {
    this.name = `${client.place.domain}/${client.place.repository}`;
  }

  /** Mounts or uploads; what breaks off is taken up again. */
  async blob(blob: BlobName, open: OpenBlob, mountFrom: string | undefined) {
    let location: URL | undefined;
    let offset = 0;
    for (let failures = 0; ; ) {
      try {
        if (location === undefined) {
          const session = await this.start(blob.digest, mountFrom);
          if (session.status === 201) return 'mounted' as const;
          location = this.uploadLocation(session);
        }
        await this.send(location, blob, open, offset);
        return 'uploaded' as const;
      } catch (error) {
        const isLost = location !== undefined && isStale(error, offset);
        if (!(isWorthRetrying(error) || isLost) || this.options.signal?.aborted === true) throw error;
        const state = isLost ? undefined : location && (await this.progress(location, blob));
        failures = state !== undefined && state.offset > offset ? 1 : failures + 1;
        if (failures >= MAX_FAILURES) throw error;
        location = state?.location;
        offset = state?.offset ?? 0;
        const { signal } = this.options;
        await delay((this.options.retryDelay ?? 500) * 2 ** failures, undefined, {
          ...(signal && { signal }),
        });
      }
    }
  }

  /** Where it is refused the registry has begun an upload for nothing, which it forgets by itself. */
  async mount(digest: Digest, from: string): Promise<boolean> {
    return (await this.start(digest, from)).status === 201;
  }

  /** "Streamed": one PATCH of unknown length, ended by a PUT without bytes. It is what Docker's own client does. */
  async stream(bytes: Readable): Promise<(digest: Digest) => Promise<void>> {
    const session = await this.start(undefined, undefined);
    const location = this.uploadLocation(session);
    const answer = await this.request(this.name, {
      method: 'PATCH',
      path: location,
      headers: BYTES,
      body: { open: () => bytes },
      expect: [202, 204],
    });
    const end = this.uploadLocation(answer, location);
    return (digest) => this.finish(end, digest);
  }

  /** The whole blob in one PUT, or the rest of it in one PATCH and a PUT. */
  private async send(location: URL, { digest, size }: BlobName, open: OpenBlob, offset: number) {
    if (offset === 0) {
      await this.finish(location, digest, { size, open: () => open(0) });
      return;
    }
    let end = location;
    if (offset < size) {
      const answer = await this.request(`${this.name}@${digest}`, {
        method: 'PATCH',
        path: location,
        headers: { ...BYTES, 'content-range': `${offset}-${size - 1}` },
        body: { size: size - offset, open: () => open(offset) },
        expect: [202, 204],
      });
      end = this.uploadLocation(answer, location);
    }
    await this.finish(end, digest);
  }

  private async finish(location: URL, digest: Digest, body?: { size: number; open: () => Readable }) {
    const path = new URL(location);
    path.searchParams.set('digest', digest);
    await this.request(`${this.name}@${digest}`, {
      method: 'PUT',
      path,
      headers: BYTES,
      body: body ?? new Uint8Array(0),
      expect: [200, 201, 204],
    });
  }

  /** How far an upload got, by what the registry says; undefined when it knows nothing of it any more. */
  private async progress(location: URL, { digest, size }: BlobName) {
    try {
      const answer = await this.request(`${this.name}@${digest}`, {
        method: 'GET',
        path: location,
        expect: [204, 202],
      });
      const last = /^(?:bytes=)?0-(\d+)$/.exec(String(answer.headers.range ?? ''))?.[1];
      const offset = last === undefined ? 0 : Number(last) + 1;
      // "0-0" is what registries answer for nothing at all, too: one byte is not worth the doubt.
      if (offset <= 1 || offset > size) return undefined;
      return { location: this.uploadLocation(answer, location), offset };
    } catch (error) {
      if (error instanceof RegistryError) return undefined;
      throw error;
    }
  }

  /** 202 with an upload location, or 201 when the registry could mount the blob from the other repository. */
  private async start(digest: Digest | undefined, mountFrom: string | undefined): Promise<HttpResponse> {
    const isMount = digest !== undefined && mountFrom !== undefined;
    const query = isMount ? `?${new URLSearchParams({ mount: digest, from: mountFrom })}` : '';
    const request = {
      method: 'POST',
      path: `blobs/uploads/${query}`,
      headers: { 'content-length': '0' },
      expect: [201, 202],
    } as const;
    const subject = digest === undefined ? this.name : `${this.name}@${digest}`;
    if (!isMount) return this.request(subject, request);
    // A token for the other repository may be refused: then the blob is simply uploaded.
    return this.request(subject, { ...request, alsoPull: mountFrom }).catch((error: unknown) => {
      if (!(error instanceof RegistryError) || !['UNAUTHORIZED', 'DENIED', 'NOT_FOUND'].includes(error.code))
        throw error;
      return this.start(digest, undefined);
    });
  }

  private async request(subject: string, request: Omit<RepositoryRequest, 'subject' | 'action'>) {
    const answer = await this.client.request({ ...request, subject, action: 'pull,push' });
    answer.body.resume();
    return answer;
  }

  /** Where the upload goes on. `before`: a registry that says nothing new means the same place. */
  private uploadLocation({ headers, url }: HttpResponse, before?: URL): URL {
    const { location } = headers;
    if (location === undefined && before !== undefined) return before;
    if (location === undefined || !URL.canParse(location, url.href))
      throw this.invalid(`Registry ${url.host} gave no place to upload to`);
    const target = new URL(location, url);
    if (target.protocol !== 'https:' && target.protocol !== url.protocol)
      throw this.invalid(`Registry ${url.host} wants uploads at ${target.protocol}//${target.host}`);
    return target;
  }

  private invalid(message: string): RegistryError {
    return new RegistryError('INVALID_RESPONSE', this.name, message);
  }
}

function isWorthRetrying(error: unknown): boolean {
  return error instanceof RegistryError && ['UNREACHABLE', 'RATE_LIMITED'].includes(error.code);
}

/** The session is gone, or what the registry had of the blob was not what it should be: then all of it is sent again. */
function isStale(error: unknown, offset: number): boolean {
  if (!(error instanceof RegistryError)) return false;
  return error.code === 'NOT_FOUND' || (error.code === 'INVALID_RESPONSE' && offset > 0);
}
