import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FileTree, Store } from '../../../layers/index.ts';
import type { HttpSourceOp } from '../../../src/llb/op.ts';
import { httpSourceOperation } from '../../../src/ops/source-http.ts';
import type { ProgressEvent } from '../../../src/progress/events.ts';
import { layerStore } from '../../support/layer-store.ts';
import { shortListing } from '../../support/tree-listing.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let base: string;
let answer: Answer;
let requests: IncomingMessage[];

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const serve =
  (body: string | Buffer, headers: Readonly<Record<string, string>> = {}, status = 200): Answer =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);

async function get(
  store: Store,
  path: string,
  rest: Partial<HttpSourceOp> = {},
  report: (event: ProgressEvent) => void = () => {},
): Promise<FileTree> {
  const url = path.startsWith('/') ? `${base}${path}` : path;
  const op: HttpSourceOp = { type: 'http', url, ...rest };
  const vertex = { digest: 'v', op, inputs: [], meta: { name: 'ADD', ignoreCache: false } };
  const context = { report, signal: new AbortController().signal };
  const result = await httpSourceOperation(store, {}).run(vertex, [], context);
  if (result.kind !== 'layers') throw new Error('expected layers');
  return store.snapshots.view(result.layers);
}

const sha = (algorithm: string, text: string) =>
  `${algorithm}:${createHash(algorithm).update(text).digest('hex')}`;

test('httpSourceOperation() gives one private file as old as the server says', async () => {
  answer = serve('hello', { 'last-modified': 'Fri, 18 Mar 2005 01:58:31 GMT' });
  const tree = await get(layerStore(), '/d/f.txt?x=1');
  expect(shortListing(tree)).toEqual({ '/f.txt': 'f 600 0:0 hello' });
  expect(tree.lookup('/f.txt')!.stat.mtimeNs).toBe(1_111_111_111_000_000_000n);
});

test('httpSourceOperation() gives a file of 1970 when the server does not say', async () => {
  answer = serve('hello', { 'last-modified': 'yesterday' });
  expect((await get(layerStore(), '/f')).lookup('/f')!.stat.mtimeNs).toBe(0n);
});

test.each([
  ['/', '__unnamed__'],
  ['/d/', 'd'],
  ['/a%20b.txt', 'a b.txt'],
  ['/bad%zz', 'bad%zz'],
])('httpSourceOperation() calls the file of %s %j', async (path, name) => {
  answer = serve('', { 'content-disposition': 'attachment; filename="../../canary"' });
  expect(Object.keys(shortListing(await get(layerStore(), path)))).toEqual([`/${name}`]);
});

test.each(['../canary', '..', '.', '', 'a/b', 'a\0b', 'x'.repeat(300)])(
  'httpSourceOperation() refuses to call a file %j',
  async (filename) => {
    answer = serve('');
    await expect(get(layerStore(), '/f', { filename })).rejects.toThrow('it is no file name');
    expect(requests).toEqual([]);
  },
);

test('httpSourceOperation() refuses a name that leaves the directory once it is decoded', async () => {
  answer = serve('');
  await expect(get(layerStore(), '/..%2fcanary')).rejects.toThrow('it is no file name');
});

test('httpSourceOperation() asks by ETag whether the file has changed, and takes the one it has', async () => {
  const store = layerStore();
  answer = serve('one', { etag: '"1"', 'last-modified': 'Fri, 18 Mar 2005 01:58:31 GMT' });
  await get(store, '/f');
  answer = (request, response) => {
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end();
    else response.writeHead(500).end();
  };
  expect(shortListing(await get(store, '/f'))).toEqual({ '/f': 'f 600 0:0 one' });
  answer = serve('two', { etag: '"2"' });
  expect(shortListing(await get(store, '/f'))).toEqual({ '/f': 'f 600 0:0 two' });
  expect(requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"1"', '"1"']);
});

test('httpSourceOperation() asks by Last-Modified where there is no ETag', async () => {
  const store = layerStore();
  const lastModified = 'Fri, 18 Mar 2005 01:58:31 GMT';
  answer = serve('one', { 'last-modified': lastModified });
  await get(store, '/f');
  answer = serve('', {}, 304);
  expect(shortListing(await get(store, '/f'))).toEqual({ '/f': 'f 600 0:0 one' });
  expect(requests[1]!.headers['if-modified-since']).toBe(lastModified);
});

test('httpSourceOperation() downloads again when the server gives nothing to compare', async () => {
  const store = layerStore();
  answer = serve('one');
  await get(store, '/f');
  await get(store, '/f');
  expect(requests.map(({ headers }) => headers['if-none-match'] ?? headers['if-modified-since'])).toEqual([
    undefined,
    undefined,
  ]);
});

test('httpSourceOperation() does not take a 304 that it did not ask for', async () => {
  answer = serve('', {}, 304);
  await expect(get(layerStore(), '/f')).rejects.toThrow('invalid response status 304');
});

test.each(['sha256', 'sha384', 'sha512'])(
  'httpSourceOperation() verifies a %s checksum',
  async (algorithm) => {
    const store = layerStore();
    answer = serve('hello');
    const good = sha(algorithm, 'hello');
    expect(shortListing(await get(store, '/f', { checksum: good }))).toEqual({ '/f': 'f 600 0:0 hello' });
    answer = serve('evil!');
    const other = layerStore();
    await expect(get(other, '/f', { checksum: good })).rejects.toThrow(
      `digest mismatch ${sha(algorithm, 'evil!')}: ${good}`,
    );
    expect([...other.records.list('http')]).toEqual([]);
  },
);

test('httpSourceOperation() does not ask at all when it has the file with the checksum', async () => {
  const store = layerStore();
  answer = serve('hello');
  const checksum = sha('sha256', 'hello');
  await get(store, '/f', { checksum });
  await get(store, '/f', { checksum });
  expect(requests.length).toBe(1);
});

test('httpSourceOperation() verifies the checksum of a file that it had already', async () => {
  const store = layerStore();
  answer = serve('hello', { etag: '"1"' });
  await get(store, '/f');
  answer = (request, response) =>
    request.headers['if-none-match'] === undefined ? response.end('hello') : response.writeHead(304).end();
  await expect(get(store, '/f', { checksum: sha('sha256', 'other') })).rejects.toThrow('digest mismatch');
});

test('httpSourceOperation() follows redirects, without credentials to another origin', async () => {
  const other = createServer((request, response) => {
    expect(request.headers.authorization).toBeUndefined();
    response.end('there');
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const target = `http://127.0.0.1:${(other.address() as AddressInfo).port}/x`;
  answer = (_request, response) => response.writeHead(302, { location: target }).end();
  const url = `${base.replace('//', '//user:s%40crt@')}/f`;
  expect(shortListing(await get(layerStore(), url))).toEqual({ '/f': 'f 600 0:0 there' });
  expect(requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from('user:s@crt').toString('base64')}`);
  other.close();
});

test.each(['file:///etc/passwd', 'ftp://127.0.0.1/x', 'gopher://x/'])(
  'httpSourceOperation() does not follow a redirect to %s',
  async (location) => {
    answer = (_request, response) => response.writeHead(302, { location }).end();
    await expect(get(layerStore(), '/f')).rejects.toThrow(/redirects to/);
  },
);

test('httpSourceOperation() gives up on redirects in circles', async () => {
  answer = (_request, response) => response.writeHead(302, { location: '/f' }).end();
  await expect(get(layerStore(), '/f')).rejects.toThrow('redirects in circles');
});

test('httpSourceOperation() refuses other schemes', async () => {
  await expect(get(layerStore(), 'file:///etc/passwd')).rejects.toThrow('only http and https are known');
});

test('httpSourceOperation() tells the status, and no secrets of the URL', async () => {
  answer = serve('', {}, 404);
  const url = `${base.replace('//', '//user:s3cret@')}/f?token=s3cret`;
  const failure = await get(layerStore(), url).catch((error: Error) => error);
  expect(failure).toMatchObject({
    code: 'NOT_FOUND',
    message: `Cannot download ${base}/f: invalid response status 404`,
  });
});

test('httpSourceOperation() starts again when the transfer breaks off, but not for ever', async () => {
  const cut: Answer = (_request, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('12345', () => response.destroy());
  };
  answer = (request, response) => (requests.length === 1 ? cut(request, response) : response.end('whole'));
  expect(shortListing(await get(layerStore(), '/f'))).toEqual({ '/f': 'f 600 0:0 whole' });
  requests.length = 0;
  answer = cut;
  await expect(get(layerStore(), '/f')).rejects.toThrow('Cannot download');
  expect(requests.length).toBe(3);
});

test('httpSourceOperation() leaves no file behind and reports progress', async () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('tsbuild-download-'));
  answer = serve('hello', { 'content-length': '5' });
  const events: ProgressEvent[] = [];
  await get(layerStore(), '/f', {}, (event) => events.push(event));
  expect(events.at(-1)).toMatchObject({
    kind: 'status',
    vertex: 'v',
    id: 'downloading',
    current: 5,
    total: 5,
  });
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('tsbuild-download-'))).toEqual(before);
});

test('httpSourceOperation() stores no credentials', async () => {
  const store = layerStore();
  answer = serve('hello', { etag: '"1"' });
  await get(store, `${base.replace('//', '//user:s3cret@')}/f?token=s3cret`);
  expect(JSON.stringify([...store.records.list('http')])).not.toContain('s3cret');
});
