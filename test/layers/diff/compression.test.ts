import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { compress } from '../../../layers/diff/compress.ts';
import {
  type CompressionKind,
  decompress,
  decompressAs,
  detectArchive,
  probeArchive,
} from '../../../layers/diff/compression.ts';
import { unzstd, unzstdInScript } from '../../../layers/diff/unzstd.ts';
import { MediaType } from '../../../layers/oci/media-types.ts';
import { hasProgram } from '../../support/programs.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { TarBuilder } from '../../support/tar-builder.ts';

const plain = Buffer.concat([Buffer.alloc(300_000, 'abc'), randomBytes(2_500_000), Buffer.alloc(400_000)]);
const tools: Readonly<Record<CompressionKind, readonly string[]>> = {
  gzip: ['gzip', '-c'],
  bzip2: ['bzip2', '-c'],
  xz: ['xz', '-c'],
  zstd: ['zstd', '-c', '-q'],
};
const kinds = (Object.keys(tools) as CompressionKind[]).filter((kind) => hasProgram(tools[kind][0]!));

function pack(kind: CompressionKind, bytes: Buffer): Buffer {
  const [program, ...options] = tools[kind];
  return execFileSync(program!, options, { input: bytes, maxBuffer: 2 ** 30 });
}

/** The bytes in chunks of a size that fits no format's own pieces. */
function stream(bytes: Buffer, size = 65_521): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return Readable.from(chunks);
}

const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

// Row T18 of the security checklist: what framing could hide.
describe.each(kinds)('T18: decompressAs(%s)', (kind) => {
  const packed = pack(kind, plain);

  test.each([65_521, 1])('gives the bytes back, when they come in chunks of %d', async (size) => {
    const bytes = size === 1 ? pack(kind, plain.subarray(0, 5000)) : packed;
    const expected = size === 1 ? plain.subarray(0, 5000) : plain;
    expect(sum(await buffer(decompressAs(stream(bytes, size), kind)))).toBe(sum(expected));
  });

  test('reads several pieces one after the other as one', async () => {
    const two = Buffer.concat([pack(kind, Buffer.from('hello ')), pack(kind, Buffer.from('world'))]);
    expect((await buffer(decompressAs(stream(two), kind))).toString()).toBe('hello world');
    expect((await buffer(decompressAs(stream(two, 1), kind))).toString()).toBe('hello world');
  });

  test.each([1, 100, 1000])('fails when the last %d bytes are missing', async (missing) => {
    const cut = packed.subarray(0, packed.length - missing);
    await expect(buffer(decompressAs(stream(cut), kind))).rejects.toMatchObject({ code: 'INVALID_ARCHIVE' });
  });

  test('fails when there is nothing', async () => {
    await expect(buffer(decompressAs(Readable.from([]), kind))).rejects.toMatchObject({
      code: 'INVALID_ARCHIVE',
    });
  });

  test('fails when something else follows, wherever chunks end', async () => {
    const odd = Buffer.concat([pack(kind, Buffer.from('hello')), Buffer.from('something else')]);
    for (const size of [1, odd.length - 14, 65_536]) {
      await expect(buffer(decompressAs(stream(odd, size), kind))).rejects.toMatchObject({
        code: 'INVALID_ARCHIVE',
      });
    }
  });

  test('fails when a bit is flipped', async () => {
    const flipped = Buffer.from(packed);
    flipped[1_200_000]! ^= 4;
    await expect(buffer(decompressAs(stream(flipped), kind))).rejects.toMatchObject({
      code: 'INVALID_ARCHIVE',
    });
  });

  test('lets its source go, when the reader goes away', async () => {
    const source = stream(packed);
    const output = decompressAs(source, kind);
    for await (const _ of output) break;
    await expect.poll(() => source.destroyed).toBe(true);
  });

  test('is told by its first bytes', async () => {
    expect(detectArchive(packed)).toBe(kind);
    const tar = new TarBuilder().file('a', 'x').end();
    expect(await probeArchive(() => stream(pack(kind, tar)))).toBe(kind);
    expect(await probeArchive(() => stream(pack(kind, Buffer.from('just text'))))).toBeUndefined();
  });
});

describe('T18: gzip', () => {
  const member = gzipSync('hello');

  test('may be followed by zeros', async () => {
    const padded = Buffer.concat([member, Buffer.alloc(100_000)]);
    for (const size of [1000, 65_536, 2 ** 20])
      expect((await buffer(decompressAs(stream(padded, size), 'gzip'))).toString()).toBe('hello');
  });

  test('hides nothing behind zeros', async () => {
    for (const zeros of [1, 70_000]) {
      const hidden = Buffer.concat([member, Buffer.alloc(zeros), member]);
      for (const size of [7, 65_536, 2 ** 20])
        await expect(buffer(decompressAs(stream(hidden, size), 'gzip'))).rejects.toThrow(/something else/);
    }
  });

  test('passes on the error of its source', async () => {
    const source = Readable.from(
      (async function* () {
        yield member.subarray(0, 10);
        throw new Error('connection reset');
      })(),
    );
    await expect(buffer(decompressAs(source, 'gzip'))).rejects.toThrow(/connection reset/);
  });
});

describe('T18: zstd', () => {
  test('is decoded in JavaScript as well', async () => {
    const bytes = plain.subarray(0, 700_000);
    const packed = await buffer(compress(stream(bytes), 'zstd'));
    const decode = (input: Buffer, size?: number) =>
      buffer(Readable.from(unzstdInScript(stream(input, size))));
    expect(sum(await decode(packed))).toBe(sum(bytes));
    expect(sum(await decode(Buffer.concat([packed, packed]), 999))).toBe(sum(Buffer.concat([bytes, bytes])));
    for (const odd of [packed.subarray(0, -5), Buffer.concat([packed, Buffer.from('something else')])])
      await expect(decode(odd)).rejects.toThrow();
  });

  test('passes over skippable frames', async () => {
    const skippable = Buffer.from('502a4d18 03000000 010203'.replaceAll(' ', ''), 'hex');
    const frame = await buffer(compress(Readable.from([Buffer.from('hello')]), 'zstd'));
    const bytes = Buffer.concat([skippable, frame, skippable]);
    expect(detectArchive(bytes)).toBe('zstd');
    expect((await buffer(Readable.from(unzstd(stream(bytes))))).toString()).toBe('hello');
  });
});

describe('decompress()', () => {
  test.each([
    ['plain bytes', plain, MediaType.ociLayer],
    ['gzip', gzipSync(plain), MediaType.ociLayerGzip],
    ['gzip of Docker', gzipSync(plain), MediaType.dockerLayerGzip],
    ['gzip that its media type calls plain', gzipSync(plain), MediaType.dockerLayer],
    ['plain bytes that its media type calls gzip', plain, MediaType.ociLayerGzip],
  ])('gives the tar of %s', async (_, bytes, mediaType) => {
    expect(sum(await buffer(decompress(stream(bytes), mediaType)))).toBe(sum(plain));
  });

  test('refuses encrypted layers, and compressions that layers do not have', async () => {
    await expect(
      buffer(decompress(stream(plain), `${MediaType.ociLayerGzip}+encrypted`)),
    ).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
    await expect(
      buffer(decompress(stream(Buffer.from('BZh91AY&SYxxxx')), MediaType.ociLayer)),
    ).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
  });
});

describe.each(['gzip', 'zstd'] as const)('compress(%s)', (kind) => {
  test.each([0, 1, 2 ** 20, plain.length])('is undone by decompressing, for %d bytes', async (length) => {
    const bytes = plain.subarray(0, length);
    const packed = await buffer(compress(stream(bytes), kind));
    expect(sum(await buffer(decompressAs(stream(packed), kind)))).toBe(sum(bytes));
    if (kind === 'gzip') expect(sum(gunzipSync(packed))).toBe(sum(bytes));
    if (hasProgram(kind))
      expect(sum(execFileSync(kind, ['-dc'], { input: packed, maxBuffer: 2 ** 30 }))).toBe(sum(bytes));
  });

  test('gives the same bytes however its source is cut', async () => {
    const whole = await buffer(compress(stream(plain, plain.length), kind, { level: 1 }));
    expect(sum(await buffer(compress(stream(plain, 4099), kind, { level: 1 })))).toBe(sum(whole));
  });

  test('heeds the level', async () => {
    const words = 'the quick brown fox jumps over a lazy dog and runs away from it'.split(' ');
    const text = Buffer.from(Array.from({ length: 99_000 }, (_, at) => words[(at * at * 31) % 13]).join(' '));
    const fast = await buffer(compress(stream(text), kind, { level: 1 }));
    const small = await buffer(compress(stream(text), kind, { level: kind === 'gzip' ? 9 : 19 }));
    expect(small.length).toBeLessThan(fast.length);
  });
});

test('compress(gzip) leaves random bytes as they are, and makes less of all that repeats', async () => {
  const random = Buffer.alloc(2 ** 20);
  const numbers = seededRandom(3);
  for (let at = 0; at < random.length; at += 4) random.writeUInt32LE(numbers.below(2 ** 32), at);
  const packed = await buffer(compress(stream(random), 'gzip'));
  expect(packed.length).toBe(random.length + 18 + 5 * Math.ceil(random.length / 65_535));
  expect(sum(gunzipSync(packed))).toBe(sum(random));
  // In the one each byte is as often as any other.
  const counting = Buffer.from(Uint8Array.from({ length: 2 ** 20 }, (_, at) => at));
  const repeating = Buffer.alloc(2 ** 20, random.subarray(0, 512));
  for (const bytes of [counting, repeating])
    expect((await buffer(compress(stream(bytes), 'gzip'))).length).toBeLessThan(20_000);
});

test('detectArchive() knows tars of every age, and nothing else', () => {
  const tar = new TarBuilder().file('a', 'x').end();
  expect(detectArchive(tar)).toBe('tar');
  expect(detectArchive(new TarBuilder().header({ name: 'a', magic: '' }).end())).toBe('tar');
  expect(detectArchive(new TarBuilder().file('BZh9.txt', 'x').end())).toBe('tar');
  expect(detectArchive(Buffer.alloc(1024))).toBeUndefined();
  expect(detectArchive(Buffer.from('#!/bin/sh\n'.padEnd(600)))).toBeUndefined();
  expect(detectArchive(tar.subarray(0, 511))).toBeUndefined();
});

test('compress(gzip) stores what is compressed already, and squeezes the rest', async () => {
  const random = randomBytes(2 ** 20);
  const text = Buffer.alloc(2 ** 20, 'plain text, over and over\n');
  const packed = await buffer(compress(Readable.from([Buffer.concat([random, text, random])]), 'gzip'));
  expect(packed.length).toBeGreaterThan(2 * random.length);
  expect(packed.length).toBeLessThan(2 * random.length + 20_000);
  expect(gunzipSync(packed).equals(Buffer.concat([random, text, random]))).toBe(true);
});
