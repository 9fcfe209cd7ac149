import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Descriptor, type Digest, MediaType } from '../../layers/index.ts';
import type { SampleImage } from './sample-image.ts';

/** What the server was asked, as it came. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** Answers a request in the registry's place; returns false to leave it to the registry. */
export type Script = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/** A registry in memory that a test can make lie, break off, redirect or ask for a login. */
export interface RegistryServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly server: Server;
  readonly requests: RecordedRequest[];
  readonly blobs: Map<string, Buffer>;
  /** `repository:tag` and `repository@digest` → type and bytes. */
  readonly manifests: Map<string, { readonly mediaType: string; readonly bytes: Buffer }>;
  script: Script | undefined;
  /** Bytes of uploads that are not complete, by session. */
  readonly uploads: Map<string, Buffer>;
  /** Whether it has the referrers API. */
  referrers: boolean;
  /** Bytes of blobs and manifests that came in, and that went out. */
  readonly traffic: { received: number; sent: number };
  /** Makes the registry ask for `Bearer TOKEN` or `Basic …` with the challenge given. */
  login: { readonly challenge: string; readonly accepts: (authorization: string) => boolean } | undefined;
  addBlob(bytes: Uint8Array, mediaType?: string): Descriptor;
  addManifest(
    repository: string,
    tag: string | undefined,
    document: { readonly mediaType: string },
  ): Descriptor;
}

export async function startRegistry(): Promise<RegistryServer> {
  const registry = new MemoryRegistry();
  await registry.listen();
  return registry;
}

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

class MemoryRegistry implements RegistryServer {
  host = '';
  readonly requests: RecordedRequest[] = [];
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, { mediaType: string; bytes: Buffer }>();
  script: Script | undefined;
  login: RegistryServer['login'];
  readonly uploads = new Map<string, Buffer>();
  referrers = true;
  private sessions = 0;
  readonly traffic = { received: 0, sent: 0 };
  readonly server = createServer((request, response) => {
    this.handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  addBlob(bytes: Uint8Array, mediaType: string = MediaType.ociLayer): Descriptor {
    const digest = sha256(bytes);
    this.blobs.set(digest, Buffer.from(bytes));
    return { mediaType, digest, size: bytes.length };
  }

  addManifest(
    repository: string,
    tag: string | undefined,
    document: { readonly mediaType: string },
  ): Descriptor {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = sha256(bytes);
    const entry = { mediaType: document.mediaType, bytes };
    this.manifests.set(`${repository}@${digest}`, entry);
    if (tag !== undefined) this.manifests.set(`${repository}:${tag}`, entry);
    return { mediaType: document.mediaType, digest, size: bytes.length };
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, path: url, headers });
    if (this.script !== undefined && (await this.script(request, response))) return;
    if (this.login !== undefined && !this.login.accepts(headers.authorization ?? '')) {
      response.writeHead(401, { 'www-authenticate': this.login.challenge }).end();
      return;
    }
    const { pathname, searchParams } = new URL(url, `http://${this.host}`);
    if (pathname === '/v2/') return void response.end('{}');
    const match = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/(.*)$/.exec(pathname);
    if (match === null) return notFound(response);
    const [, repository = '', kind = '', name = ''] = match;
    if (kind === 'tags') return this.listTags(response, repository, searchParams);
    if (kind === 'referrers') return this.listReferrers(response, repository, name);
    if (kind === 'manifests') return this.manifest(request, response, repository, name);
    if (name.startsWith('uploads/')) return this.upload(request, response, pathname, searchParams);
    return this.blob(request, response, name);
  }

  private async manifest(
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
    name: string,
  ) {
    const key = name.includes(':') ? `${repository}@${name}` : `${repository}:${name}`;
    if (request.method === 'PUT') {
      const bytes = await bodyOf(request);
      const entry = { mediaType: request.headers['content-type'] ?? '', bytes };
      this.manifests.set(key, entry);
      this.manifests.set(`${repository}@${sha256(bytes)}`, entry);
      const subject = subjectOf(bytes);
      response
        .writeHead(201, this.referrers && subject !== undefined ? { 'oci-subject': subject } : {})
        .end();
      return;
    }
    const found = this.manifests.get(key);
    if (found === undefined) return notFound(response);
    const headers = {
      'content-type': found.mediaType,
      'content-length': found.bytes.length,
      'docker-content-digest': sha256(found.bytes),
    };
    response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : found.bytes);
  }

  private async blob(request: IncomingMessage, response: ServerResponse, digest: string) {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) return notFound(response);
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const start = Number(range?.[1] ?? 0);
    const part = bytes.subarray(start);
    const headers = {
      'content-length': part.length,
      ...(range && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    };
    if (request.method !== 'HEAD') this.traffic.sent += part.length;
    response.writeHead(range ? 206 : 200, headers).end(request.method === 'HEAD' ? undefined : part);
  }

  /** Two tags a page, whatever is asked for. */
  private listTags(response: ServerResponse, repository: string, query: URLSearchParams): void {
    const all = [...this.manifests.keys()]
      .filter((key) => key.startsWith(`${repository}:`) && !key.includes('@'))
      .map((key) => key.slice(repository.length + 1))
      .sort();
    const start = all.findIndex((tag) => tag > (query.get('last') ?? ''));
    const tags = start < 0 ? [] : all.slice(start, start + 2);
    const isLast = tags.length === 0 || tags.at(-1) === all.at(-1);
    const link = `</v2/${repository}/tags/list?last=${tags.at(-1)}&n=2>; rel="next"`;
    response.writeHead(200, isLast ? {} : { link }).end(JSON.stringify({ name: repository, tags }));
  }

  private listReferrers(response: ServerResponse, repository: string, digest: string): void {
    if (!this.referrers) {
      notFound(response);
      return;
    }
    const manifests = [...this.manifests]
      .filter(([key, { bytes }]) => key.startsWith(`${repository}@`) && subjectOf(bytes) === digest)
      .map(([, { mediaType, bytes }]) => ({
        mediaType,
        digest: sha256(bytes),
        size: bytes.length,
        artifactType: JSON.parse(bytes.toString()).artifactType,
      }));
    const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
    response.writeHead(200, { 'content-type': MediaType.ociIndex }).end(JSON.stringify(index));
  }

  private async upload(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
  ) {
    const { method } = request;
    if (method === 'POST') return this.startUpload(response, path, query);
    const session = path.slice(path.lastIndexOf('/') + 1);
    const before = this.uploads.get(session);
    if (before === undefined) return notFound(response);
    const headers = (size: number) => ({
      location: `${path}?state=${size}`,
      range: `0-${Math.max(size - 1, 0)}`,
    });
    if (method === 'GET') return void response.writeHead(204, headers(before.length)).end();
    const start = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1];
    if (start !== undefined && Number(start) !== before.length)
      return void response.writeHead(416, headers(before.length)).end();
    const bytes = await this.receive(request, session, before);
    if (method === 'PATCH') return void response.writeHead(202, headers(bytes.length)).end();
    const digest = query.get('digest');
    if (digest !== sha256(bytes)) {
      response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID","message":"wrong digest"}]}');
      return;
    }
    this.uploads.delete(session);
    this.blobs.set(digest, bytes);
    response.writeHead(201).end();
  }

  private startUpload(response: ServerResponse, path: string, query: URLSearchParams): void {
    const mounted = query.get('mount');
    if (mounted !== null && this.blobs.has(mounted)) return void response.writeHead(201).end();
    const session = `session${this.sessions++}`;
    this.uploads.set(session, Buffer.alloc(0));
    response.writeHead(202, { location: `${path}${session}?state=a%2Fb` }).end();
  }

  /** Keeps what came in of a body also when the rest does not. */
  private async receive(request: IncomingMessage, session: string, before: Buffer): Promise<Buffer> {
    const chunks = [before];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        this.traffic.received += chunk.length;
      }
    } finally {
      this.uploads.set(session, Buffer.concat(chunks));
    }
    return this.uploads.get(session)!;
  }
}

function subjectOf(bytes: Buffer): string | undefined {
  return JSON.parse(bytes.toString()).subject?.digest;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function notFound(response: ServerResponse): void {
  response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN","message":"not known"}]}');
}

/** Puts an image with all its blobs in a registry. */
export function publish(
  registry: RegistryServer,
  repository: string,
  tag: string,
  image: SampleImage,
): Descriptor {
  for (const { blob } of image.layers) registry.addBlob(blob);
  registry.addBlob(image.config);
  return registry.addManifest(repository, tag, image.manifest);
}
