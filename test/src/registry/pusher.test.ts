import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MediaType, parseReference } from '../../../layers/index.ts';
import { openPusher, type Pusher } from '../../../src/registry/pusher.ts';
import { type RegistryServer, sha256, startRegistry } from '../../support/registry-server.ts';
import { tempFolder } from '../../support/temp-folder.ts';

let registry: RegistryServer;
let pusher: Pusher;
beforeEach(async () => {
  registry = await startRegistry();
  pusher = openPusher(parseReference(`${registry.host}/a/b:1`), {
    environment: { HOME: '/nonexistent' },
    retryDelay: 1,
    idleTimeout: 1000,
  });
});
afterEach(async () => {
  pusher.close();
  await registry[Symbol.asyncDispose]();
});

const bytes = Buffer.alloc(300_000, 'layer');
const blob = { mediaType: MediaType.ociLayer, digest: sha256(bytes), size: bytes.length };
const open = () => Readable.from([bytes.subarray(0, 100_000), bytes.subarray(100_000)]);

describe('Pusher.blob()', () => {
  test('uploads in one streamed request, and only once', async () => {
    expect(await pusher.blob(blob, open)).toBe('uploaded');
    expect(registry.blobs.get(blob.digest)?.equals(bytes)).toBe(true);
    const put = registry.requests.find(({ method }) => method === 'PUT');
    expect(put?.headers['content-length']).toBe(String(bytes.length));
    expect(put?.path).toBe(
      `/v2/a/b/blobs/uploads/session?state=a%2Fb&digest=${encodeURIComponent(blob.digest)}`,
    );
    expect(await pusher.blob(blob, open)).toBe('present');
  });

  test('mounts from another repository where the registry can', async () => {
    registry.script = (request) => {
      if (request.method === 'POST') registry.addBlob(bytes);
      return false;
    };
    expect(await pusher.blob(blob, open, 'c/d')).toBe('mounted');
    const post = registry.requests.find(({ method }) => method === 'POST');
    expect(post?.path).toBe(`/v2/a/b/blobs/uploads/?mount=${encodeURIComponent(blob.digest)}&from=c%2Fd`);
  });

  test('uploads when it may not read the other repository', async () => {
    registry.script = (request, response) => {
      if (!request.url?.includes('from=')) return false;
      response.writeHead(403).end();
      return true;
    };
    expect(await pusher.blob(blob, open, 'c/d')).toBe('uploaded');
  });

  test('starts again when the connection breaks', async () => {
    let broken = 0;
    registry.script = (request) => {
      if (request.method !== 'PUT' || broken++ > 0) return false;
      request.once('data', () => request.socket.destroy());
      return true;
    };
    let opened = 0;
    const reopen = () => {
      opened++;
      return open();
    };
    expect(await pusher.blob(blob, reopen)).toBe('uploaded');
    expect(opened).toBe(2);
    expect(registry.blobs.get(blob.digest)?.equals(bytes)).toBe(true);
  });

  test('holds no more of a blob in memory than what is under way', async () => {
    const size = 64 << 20;
    const chunk = Buffer.alloc(1 << 16);
    let produced = 0;
    let received = 0;
    let ahead = 0;
    registry.script = (request, response) => {
      if (request.method !== 'PUT') return false;
      request.on('data', (part: Buffer) => {
        received += part.length;
        ahead = Math.max(ahead, produced - received);
      });
      request.on('end', () => response.writeHead(201).end());
      return true;
    };
    const endless = () =>
      Readable.from(
        (function* () {
          for (; produced < size; produced += chunk.length) yield chunk;
        })(),
        { objectMode: false },
      );
    await pusher.blob({ ...blob, size }, endless);
    expect(received).toBe(size);
    expect(ahead).toBeLessThan(16 << 20);
  });

  test('tells what the registry said against it', async () => {
    const wrong = { ...blob, digest: sha256(Buffer.from('other')) };
    await expect(pusher.blob(wrong, open)).rejects.toMatchObject({
      code: 'INVALID_RESPONSE',
      message: expect.stringContaining('wrong digest'),
    });
    registry.script = (_, response) => {
      response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"not yours\\u0007"}]}');
      return true;
    };
    const denied = pusher.manifest(Buffer.from('{}'), { ...blob, mediaType: MediaType.ociManifest }, '1');
    await expect(denied).rejects.toMatchObject({
      code: 'DENIED',
      message: expect.stringMatching(/: not yours $/),
    });
  });

  test.each(['ftp://x/y', 'http://['])('does not upload to %s (N04)', async (location) => {
    registry.script = (request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(202, { location }).end();
      return true;
    };
    await expect(pusher.blob(blob, open)).rejects.toMatchObject({ code: 'INVALID_RESPONSE' });
  });

  test('sends no credentials to an upload place elsewhere (N03)', async () => {
    await using other = await startRegistry();
    other.script = (request, response) => {
      request.resume().on('end', () => response.writeHead(201).end());
      return true;
    };
    registry.login = { challenge: 'Basic', accepts: (authorization) => authorization !== '' };
    registry.script = (request, response) => {
      if (request.method !== 'POST' || !request.headers.authorization) return false;
      response.writeHead(202, { location: `http://${other.host}/upload` }).end();
      return true;
    };
    const DOCKER_CONFIG = tempFolder();
    const auths = { [registry.host]: { username: 'me', password: 'pw' } };
    writeFileSync(join(DOCKER_CONFIG, 'config.json'), JSON.stringify({ auths }));
    const loggedIn = openPusher(parseReference(`${registry.host}/a/b:1`), { environment: { DOCKER_CONFIG } });
    expect(await loggedIn.blob(blob, open)).toBe('uploaded');
    loggedIn.close();
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

test('Pusher.manifest() puts a manifest under its tag, or its digest alone', async () => {
  const manifest = Buffer.from('{"schemaVersion":2}');
  const descriptor = { mediaType: MediaType.ociManifest, digest: sha256(manifest), size: manifest.length };
  await pusher.manifest(manifest, descriptor);
  await pusher.manifest(manifest, descriptor, '1');
  expect([...registry.manifests.keys()]).toEqual([`a/b@${descriptor.digest}`, 'a/b:1']);
  expect(registry.manifests.get('a/b:1')?.mediaType).toBe(MediaType.ociManifest);
  expect(await pusher.hasManifest(descriptor.digest)).toBe(true);
});
