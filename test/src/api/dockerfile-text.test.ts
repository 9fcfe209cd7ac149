import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { build } from '../../../src/api/build.ts';
import { readDockerfileText } from '../../../src/api/dockerfile-text.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const MIB = 2 ** 20;

function lines(mebibytes: number) {
  const given = { bytes: 0 };
  const chunk = Buffer.alloc(MIB, '# comment\n');
  function* chunks() {
    for (; given.bytes < mebibytes * MIB; given.bytes += MIB) yield chunk;
  }
  return { given, stream: Readable.from(chunks(), { objectMode: false }) };
}

test('readDockerfileText() joins what is cut anywhere, up to 16 MiB', async () => {
  const bytes = Buffer.from('FROM scratch\nLABEL a="ä"\n');
  expect(await readDockerfileText(Readable.from([...bytes].map((byte) => Buffer.of(byte))))).toBe(`${bytes}`);
  expect(await readDockerfileText(lines(16).stream)).toHaveLength(16 * MIB);
});

test.each(['in place of a context', 'as -f -'] as const)(
  'build() reads no more than 16 MiB of a Dockerfile that comes on standard input %s',
  async (place) => {
    const { given, stream } = lines(1000);
    const context =
      place === 'as -f -' ? { context: tempFolder(), dockerfile: { stdin: stream } } : { context: stream };
    const { result } = build({ ...context, tags: [], storeRoot: tempFolder() });
    await expect(result).rejects.toThrow('standard input has more than 16777216 bytes');
    expect(given.bytes).toBeLessThan(20 * MIB);
    expect(stream.destroyed).toBe(true);
  },
);
