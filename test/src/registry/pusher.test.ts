import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MediaType, parseReference } from '../../../layers/index.ts';
import { openFetcher } from '../../../src/registry/open-fetcher.ts';
import { openPusher, type Pusher } from '../../../src/registry/pusher.ts';
import { type RegistryServer, sha256, startRegistry } from '../../support/registry-server.ts';
import { tempFolder } from '../../support/temp-folder.ts';

let registry: RegistryServer;
let pusher: Pusher;
beforeEach(async () => {
  registry = await startRegistry();
  pusher = await openPusher(parseReference(`${registry.host}/a/b:1`), {
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
      `/v2/a/b/blobs/uploads/session0?state=a%2Fb&digest=${encodeURIComponent(blob.digest)}`,
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

  test('goes on where the registry got to, and sends no byte twice', async () => {
    const [first, rest] = [bytes.subarray(0, 120_000), bytes.subarray(120_000)];
    let puts = 0;
    registry.script = (request, response) => {
      if (request.method !== 'PUT' || puts++ > 0) return false;
      registry.uploads.set('session0', Buffer.from(first));
      request.once('data', () => response.destroy());
      return true;
    };
    const offsets: number[] = [];
    const openAt = (offset: number) => {
      offsets.push(offset);
      return Readable.from([bytes.subarray(offset)]);
    };
    expect(await pusher.blob(blob, openAt)).toBe('uploaded');
    expect(offsets).toEqual([0, first.length]);
    expect(registry.traffic.received).toBe(rest.length);
    const patch = registry.requests.find(({ method }) => method === 'PATCH');
    expect(patch?.headers['content-range']).toBe(`${first.length}-${bytes.length - 1}`);
    expect(registry.blobs.get(blob.digest)?.equals(bytes)).toBe(true);
  });

  test('sends all of it again when what the registry kept was not what it got', async () => {
    let puts = 0;
    registry.script = (request, response) => {
      if (request.method !== 'PUT' || puts++ > 0) return false;
      registry.uploads.set('session0', Buffer.alloc(1000, 'garbage'));
      request.once('data', () => response.destroy());
      return true;
    };
    const openAt = (offset: number) => Readable.from([bytes.subarray(offset)]);
    expect(await pusher.blob(blob, openAt)).toBe('uploaded');
    expect(registry.blobs.get(blob.digest)?.equals(bytes)).toBe(true);
  });

  test('gives up after four tries that bring nothing further', async () => {
    let puts = 0;
    registry.script = (request, response) => {
      if (request.method !== 'PUT') return false;
      puts++;
      response.writeHead(503).end();
      return true;
    };
    await expect(pusher.blob(blob, open)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(puts).toBe(4);
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
    const loggedIn = await openPusher(parseReference(`${registry.host}/a/b:1`), {
      environment: { DOCKER_CONFIG },
    });
    expect(await loggedIn.blob(blob, open)).toBe('uploaded');
    loggedIn.close();
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe('Pusher.stream()', () => {
  test('sends what is being made in one request, and names it at the end', async () => {
    const end = await pusher.stream(open());
    expect(registry.blobs.size).toBe(0);
    await end(blob.digest);
    expect(registry.blobs.get(blob.digest)?.equals(bytes)).toBe(true);
    const sent = registry.requests.map(({ method, path }) => `${method} ${path.split('?')[0]}`);
    const session = '/v2/a/b/blobs/uploads/session0';
    expect(sent).toEqual(['POST /v2/a/b/blobs/uploads/', `PATCH ${session}`, `PUT ${session}`]);
    expect(registry.requests[1]?.headers['transfer-encoding']).toBe('chunked');
  });

  test('fails when the connection breaks, so that the blob can be uploaded anew', async () => {
    registry.script = (request) => {
      if (request.method !== 'PATCH') return false;
      request.once('data', () => request.socket.destroy());
      return true;
    };
    await expect(pusher.stream(open())).rejects.toMatchObject({ code: 'UNREACHABLE' });
    registry.script = undefined;
    expect(await pusher.blob(blob, open)).toBe('uploaded');
  });
});

describe('a manifest with a subject', () => {
  const subject = { mediaType: MediaType.ociManifest, digest: sha256(Buffer.from('x')), size: 1 };
  const artifact = (name: string) => {
    const empty = {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: sha256(Buffer.from('{}')),
      size: 2,
    };
    const text = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MediaType.ociManifest,
        artifactType: `application/${name}`,
        config: empty,
        layers: [],
        subject,
        annotations: { name },
      }),
    );
    return {
      text,
      descriptor: { mediaType: MediaType.ociManifest, digest: sha256(text), size: text.length },
    };
  };

  test.each([true, false])('is among its referrers, where the API is there: %s', async (referrers) => {
    registry.referrers = referrers;
    const [one, two] = [artifact('one'), artifact('two')];
    for (const { text, descriptor } of [one, two, two]) await pusher.manifest(text, descriptor);
    const reference = parseReference(`${registry.host}/a/b`);
    const fetcher = await openFetcher(reference, { environment: { HOME: '/nonexistent' } });
    const found = await fetcher.referrers(subject.digest);
    expect(found.map(({ digest }) => digest)).toEqual([one.descriptor.digest, two.descriptor.digest]);
    expect(await fetcher.referrers(subject.digest, 'application/two')).toMatchObject([
      { ...two.descriptor, artifactType: 'application/two' },
    ]);
    expect(await fetcher.referrers(sha256(Buffer.from('none')))).toEqual([]);
    fetcher.close();
    const tag = subject.digest.replace(':', '-');
    expect(registry.manifests.has(`a/b:${tag}`)).toBe(!referrers);
  });
});

test.each([true, false])(
  'an index with a subject is among its referrers, where the API is there: %s',
  async (referrers) => {
    registry.referrers = referrers;
    const subject = { mediaType: MediaType.ociManifest, digest: sha256(Buffer.from('x')), size: 1 };
    const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [], subject };
    const text = Buffer.from(JSON.stringify({ ...index, artifactType: 'application/x' }));
    await pusher.manifest(text, { mediaType: MediaType.ociIndex, digest: sha256(text), size: text.length });
    const fetcher = await openFetcher(parseReference(`${registry.host}/a/b`), {
      environment: { HOME: '/nonexistent' },
    });
    expect(await fetcher.referrers(subject.digest)).toMatchObject([
      { digest: sha256(text), mediaType: MediaType.ociIndex, artifactType: 'application/x' },
    ]);
    fetcher.close();
  },
);

test('Pusher.manifest() puts a manifest under its tag, or its digest alone', async () => {
  const manifest = Buffer.from('{"schemaVersion":2}');
  const descriptor = { mediaType: MediaType.ociManifest, digest: sha256(manifest), size: manifest.length };
  await pusher.manifest(manifest, descriptor);
  await pusher.manifest(manifest, descriptor, '1');
  expect([...registry.manifests.keys()]).toEqual([`a/b@${descriptor.digest}`, 'a/b:1']);
  expect(registry.manifests.get('a/b:1')?.mediaType).toBe(MediaType.ociManifest);
  expect(await pusher.hasManifest(descriptor.digest)).toBe(true);
});
