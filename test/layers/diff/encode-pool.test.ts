import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CompressRequest } from '../../../layers/content/content-store.ts';
import { compress } from '../../../layers/diff/compress.ts';
import { hashLayerSync } from '../../../layers/diff/hash-layer.ts';
import { openLayerTar } from '../../../layers/diff/layer-stream.ts';
import { digestOf } from '../../../layers/oci/digest.ts';
import { bundleModules } from '../../support/bundled-modules.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-test-'));
const worker = join(folder, 'encode-worker.cjs');

beforeAll(() => bundleModules(folder, 'layers/diff/encode-worker.ts'));

afterAll(() => rmSync(folder, { recursive: true }));

const threads = process.env.UV_THREADPOOL_SIZE;
afterEach(() => {
  if (threads === undefined) delete process.env.UV_THREADPOOL_SIZE;
  else process.env.UV_THREADPOOL_SIZE = threads;
});

/** A pool without workers of earlier tests. */
async function freshPool() {
  vi.resetModules();
  return await import('../../../layers/diff/encode-pool.ts');
}

/** 12 MiB, of which a part compresses. */
function largeLayer(directory = tempFolder()): string {
  const random = seededRandom(7);
  mkdirSync(join(directory, 'd'), { recursive: true });
  for (let file = 0; file < 12; file++) {
    const bytes = Buffer.alloc(2 ** 20, `line ${file}\n`);
    const noise = file % 2 === 0 ? bytes.length : 4096;
    for (let at = 0; at < noise; at += 4) bytes.writeUInt32LE(random.below(2 ** 32), at);
    writeFileSync(join(directory, 'd', `f${file}`), bytes);
  }
  return directory;
}

function sourceOf(directory: string) {
  return { directory, options: {}, diffId: hashLayerSync(directory, {})!.diffId };
}

function request(more: Partial<CompressRequest> = {}): CompressRequest {
  return { kind: 'gzip', keep: true, ...more };
}

describe('compressInWorkers()', () => {
  const directory = join(folder, 'layer');
  beforeAll(() => {
    largeLayer(directory);
  });

  test.each([
    ['gzip', 1],
    ['gzip', 2],
    ['gzip', availableParallelism() + 2],
    ['zstd', 2],
  ] as const)('gives the bytes of compress(%s), however many threads there are (%i)', async (kind, count) => {
    process.env.UV_THREADPOOL_SIZE = `${count}`;
    const { compressInWorkers } = await freshPool();
    const expected = await buffer(compress(openLayerTar(directory), kind));
    const path = join(tempFolder(), 'blob');
    const sent: Buffer[] = [];
    const ends: string[] = [];
    const tap = {
      write: (chunk: Buffer) => {
        sent.push(chunk);
        return sent.length % 2 === 0 ? undefined : Promise.resolve();
      },
      end: () => ends.push('end'),
    };
    let done = 0;
    const progress = (bytes: number) => {
      done = bytes;
    };
    const both = await Promise.all([
      compressInWorkers(worker, sourceOf(directory), openSync(path, 'wx'), request({ kind, tap, progress })),
      compressInWorkers(worker, sourceOf(directory), undefined, request({ kind, keep: false })),
    ]);
    expect(both[0]).toEqual({ digest: digestOf(expected), size: expected.length });
    expect(both[1]).toEqual(both[0]);
    expect(readFileSync(path).equals(expected)).toBe(true);
    expect(Buffer.concat(sent).equals(expected)).toBe(true);
    expect(ends).toEqual(['end']);
    expect(done).toBe(hashLayerSync(directory, {})?.size);
  });

  test('makes no more than its reader takes, and ends with the signal', async () => {
    const { compressInWorkers } = await freshPool();
    const abort = new AbortController();
    const sent: number[] = [];
    const never = new Promise<void>(() => {});
    const write = (chunk: Buffer) => {
      sent.push(chunk.length);
      return never;
    };
    const path = join(tempFolder(), 'blob');
    const over = tempFolder();
    // More than may be under way, all of it incompressible.
    for (let file = 0; file < 40; file++)
      writeFileSync(join(over, `f${file}`), readFileSync(join(directory, 'd/f0')));
    const compressing = compressInWorkers(
      worker,
      sourceOf(over),
      openSync(path, 'wx'),
      request({ tap: { write, end: () => {} }, signal: abort.signal }),
    );
    await vi.waitFor(() => expect(sent.length).toBeGreaterThan(7), { timeout: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(sent.reduce((sum, length) => sum + length, 0)).toBeLessThan(10 << 20);
    abort.abort();
    await expect(compressing).rejects.toMatchObject({ name: 'AbortError' });
    expect(statSync(path).size).toBeLessThan(12 << 20);
  });

  test('fails for a layer that is not what it was, and for one that is gone', async () => {
    const { compressInWorkers } = await freshPool();
    const other = largeLayer();
    const source = sourceOf(other);
    writeFileSync(join(other, 'd/f3'), 'other');
    const path = join(tempFolder(), 'blob');
    await expect(compressInWorkers(worker, source, openSync(path, 'wx'), request())).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('is damaged in the store'),
    });
    const gone = { ...source, directory: join(other, 'missing') };
    await expect(compressInWorkers(worker, gone, undefined, request())).rejects.toThrow(/ENOENT/);
  });

  test('tells that there is no room for the blob', async () => {
    const { compressInWorkers } = await freshPool();
    const full = openSync('/dev/full', 'w');
    await expect(compressInWorkers(worker, sourceOf(directory), full, request())).rejects.toThrow(
      'Cannot write a blob to the store: ENOSPC',
    );
  });

  test('fails when a worker ends by itself', async () => {
    const { compressInWorkers } = await freshPool();
    const broken = join(tempFolder(), 'broken.cjs');
    writeFileSync(
      broken,
      "require('node:worker_threads').parentPort.on('message', () => { throw new Error('no'); });",
    );
    await expect(compressInWorkers(broken, sourceOf(directory), undefined, request())).rejects.toMatchObject({
      code: 'SYSTEM',
    });
  });
});

describe('writeInWorkers()', () => {
  test('writes the bytes of openLayerTar() where it is told, and no others', async () => {
    const { writeInWorkers } = await freshPool();
    const directory = largeLayer();
    const expected = await buffer(openLayerTar(directory));
    const path = join(tempFolder(), 'archive');
    writeFileSync(path, Buffer.alloc(expected.length + 10, 'x'));
    await writeInWorkers(worker, sourceOf(directory), { fd: openSync(path, 'r+'), position: 5 });
    const written = readFileSync(path);
    expect(written.subarray(5, -5).equals(expected)).toBe(true);
    expect(`${written.subarray(0, 5)}${written.subarray(-5)}`).toBe('xxxxxxxxxx');
  });

  test('fails for a layer that is not what it was, one that is gone, and without room', async () => {
    const { writeInWorkers } = await freshPool();
    const directory = largeLayer();
    const source = sourceOf(directory);
    const target = { fd: openSync(join(tempFolder(), 'archive'), 'wx'), position: 0 };
    const full = { fd: openSync('/dev/full', 'w'), position: 0 };
    await expect(writeInWorkers(worker, source, full)).rejects.toThrow(
      'Cannot write a layer to the archive: ENOSPC',
    );
    writeFileSync(join(directory, 'd/f11'), 'other');
    await expect(writeInWorkers(worker, source, target)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('is damaged in the store'),
    });
    const gone = { ...source, directory: join(directory, 'missing') };
    await expect(writeInWorkers(worker, gone, target)).rejects.toThrow(/ENOENT/);
    const ended = { ...target, signal: AbortSignal.abort() };
    await expect(writeInWorkers(worker, source, ended)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('tarInWorker()', () => {
  test('gives the bytes of openLayerTar(), also after a reader that went away', async () => {
    const { tarInWorker } = await freshPool();
    const directory = largeLayer();
    for await (const _ of tarInWorker(worker, sourceOf(directory))) break;
    const pieces: Buffer[] = [];
    for await (const piece of tarInWorker(worker, sourceOf(directory))) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(await buffer(openLayerTar(directory)))).toBe(true);
  });

  test('fails instead of ending for a layer that is not what it was', async () => {
    const { tarInWorker } = await freshPool();
    const directory = largeLayer();
    const source = sourceOf(directory);
    writeFileSync(join(directory, 'd/f11'), 'other');
    const read = async () => {
      for await (const _ of tarInWorker(worker, source));
    };
    await expect(read()).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});
