import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AddressPolicy } from '../registry/address-policy.ts';
import { networkError } from '../registry/errors.ts';
import type { Environment } from '../registry/proxy.ts';
import { RegistryError } from '../registry/registry.ts';
import { type HttpResponse, Transport } from '../registry/transport.ts';
import { OperationError } from './operation-error.ts';

/** RFC 9110 section 8.8: by these a server tells whether what we have is still what it has. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

export interface DownloadRequest {
  /** http or https; user and password in it are sent to its own origin only. */
  readonly url: URL;
  readonly environment: Environment;
  /** Of what is there already. */
  readonly validators?: Validators;
  /** `sha256:…`, `sha384:…` or `sha512:…` that the file must have. */
  readonly checksum?: string;
  readonly signal: AbortSignal;
  readonly progress: (current: number, total?: number) => void;
}

/** A file that was downloaded. It has no name on the host and is gone when its descriptor is closed. */
export interface Download {
  /** To be closed by the caller. */
  readonly fd: number;
  /** Bytes. */
  readonly size: number;
  readonly digest: string;
  /** Last-Modified, else 0. */
  readonly mtimeNs: bigint;
  readonly validators: Validators;
}

/** Tries until a transfer that breaks off is given up. */
const TRIES = 3;
/** Milliseconds between two reports of progress. */
const REPORT_INTERVAL = 200;

/** Downloads a file, or finds it `unchanged`. Throws `NOT_FOUND`, `UNREACHABLE`, `DIGEST_MISMATCH`. */
export async function download(request: DownloadRequest): Promise<Download | 'unchanged'> {
  const { url, environment } = request;
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const shown = displayUrl(url);
    throw new OperationError('UNSUPPORTED', shown, `Cannot download ${shown}: only http and https are known`);
  }
  const transport = new Transport({ environment, policy: new AddressPolicy(url) });
  try {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt(transport, request);
      } catch (error) {
        if (tries < TRIES && isBrokenTransfer(error) && !request.signal.aborted) continue;
        throw asOperationError(error, url);
      }
    }
  } finally {
    transport.close();
  }
}

async function attempt(transport: Transport, request: DownloadRequest): Promise<Download | 'unchanged'> {
  const { url, validators, signal } = request;
  const response = await transport.send({
    method: 'GET',
    url: withoutUser(url),
    headers: { ...authorization(url), ...conditions(validators) },
    signal,
  });
  if (response.status === 304 && validators !== undefined) {
    response.body.destroy();
    return 'unchanged';
  }
  if (response.status !== 200) {
    response.body.destroy();
    const shown = displayUrl(url);
    throw new OperationError(
      response.status === 404 || response.status === 410 ? 'NOT_FOUND' : 'UNREACHABLE',
      shown,
      `Cannot download ${shown}: invalid response status ${response.status}`,
    );
  }
  const fd = unnamedFile();
  try {
    return { fd, ...(await receive(response, fd, request)), ...described(response.headers) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Writes the body to the file, hashing it on the way. */
async function receive(
  { body, headers }: HttpResponse,
  fd: number,
  { checksum, progress }: DownloadRequest,
): Promise<Pick<Download, 'size' | 'digest'>> {
  const sum = createHash('sha256');
  const algorithm = checksum?.slice(0, checksum.indexOf(':'));
  const other = algorithm === undefined || algorithm === 'sha256' ? undefined : createHash(algorithm);
  const length = headers['content-length'];
  const total = length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
  let size = 0;
  let reported = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    sum.update(chunk);
    other?.update(chunk);
    size += chunk.length;
    if (Date.now() - reported >= REPORT_INTERVAL) {
      progress(size, total);
      reported = Date.now();
    }
  }
  progress(size, size);
  const digest = `sha256:${sum.digest('hex')}`;
  const found = other === undefined ? digest : `${algorithm}:${other.digest('hex')}`;
  if (checksum !== undefined && found !== checksum)
    throw new OperationError('DIGEST_MISMATCH', found, `digest mismatch ${found}: ${checksum}`);
  return { size, digest };
}

function described(headers: IncomingHttpHeaders): Pick<Download, 'mtimeNs' | 'validators'> {
  const { etag, 'last-modified': lastModified } = headers;
  const time = lastModified === undefined ? Number.NaN : Date.parse(lastModified);
  return {
    mtimeNs: Number.isNaN(time) ? 0n : BigInt(time) * 1_000_000n,
    validators: { ...(etag !== undefined && { etag }), ...(lastModified !== undefined && { lastModified }) },
  };
}

/** Without validators the file is always asked for whole. */
function conditions(validators: Validators | undefined): Record<string, string> {
  const { etag, lastModified } = validators ?? {};
  // RFC 9110 section 13.1.3: If-Modified-Since is not looked at beside If-None-Match.
  if (etag !== undefined) return { 'if-none-match': etag };
  return lastModified === undefined ? {} : { 'if-modified-since': lastModified };
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(user).toString('base64')}` };
}

function withoutUser(url: URL): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  return plain;
}

/** For messages: no user, password or query, which may be secrets. */
function displayUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** A private file that nobody else can open, for reading and writing. */
function unnamedFile(): number {
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-download-'));
  try {
    return openSync(join(directory, 'file'), 'wx+', 0o600);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function isBrokenTransfer(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
}

function asOperationError(error: unknown, url: URL): unknown {
  if (error instanceof OperationError) return error;
  const shown = displayUrl(url);
  const cause = networkError(error, url.host);
  if (!(cause instanceof RegistryError)) return cause;
  return new OperationError('UNREACHABLE', shown, `Cannot download ${shown}: ${cause.message}`, {
    cause,
    hint: 'Check the address, and that this machine can reach it',
  });
}
