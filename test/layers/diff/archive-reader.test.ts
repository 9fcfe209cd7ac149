import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { Parser, type ReadEntry } from 'tar';
import { expect, test } from 'vitest';
import { readArchive } from '../../../layers/diff/archive-reader.ts';
import { compress } from '../../../layers/diff/compress.ts';
import { plainTar } from '../../../layers/diff/compression.ts';
import { TarBuilder } from '../../support/tar-builder.ts';

const archive = new TarBuilder()
  .directory('d')
  .file('d/one', 'first')
  .pax({ path: 'gr\xc3\xb6\xc3\x9fe' })
  .file('x', 'y'.repeat(3000))
  .symlink('link', 'd/one')
  .file('empty')
  .pax({ 'GNU.sparse.map': '70000,3', 'GNU.sparse.size': '140000' })
  .file('sparse', 'abc')
  .end();

function stream(bytes: Buffer, size = bytes.length): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return Readable.from(chunks);
}

test.each([archive.length, 512, 100])(
  'readArchive() gives entries with their bytes, from chunks of %d',
  async (size) => {
    const found: unknown[] = [];
    for await (const { path, type, linkpath, body } of readArchive(stream(archive, size)))
      found.push([path, type, linkpath, (await buffer(body)).toString('latin1')]);
    expect(found).toEqual([
      ['d/', 'directory', '', ''],
      ['d/one', 'file', '', 'first'],
      ['gr\xc3\xb6\xc3\x9fe', 'file', '', 'y'.repeat(3000)],
      ['link', 'symlink', 'd/one', ''],
      ['empty', 'file', '', ''],
      ['sparse', 'file', '', `${'\0'.repeat(70_000)}abc${'\0'.repeat(69_997)}`],
    ]);
  },
);

test('readArchive() passes over bodies that are not read, or not to their end', async () => {
  const names: string[] = [];
  for await (const entry of readArchive(stream(archive, 100))) {
    names.push(entry.path);
    if (entry.path === 'd/one') for await (const _ of entry.body) break;
    if (entry.path === 'sparse') entry.body.once('data', () => {});
  }
  expect(names).toHaveLength(6);
});

test('readArchive() agrees with the tar package on what that can read', async () => {
  const theirs: ReadEntry[] = [];
  const parser = new Parser({
    onReadEntry(entry) {
      theirs.push(entry);
      entry.resume();
    },
  });
  const plain = new TarBuilder()
    .directory('d', { uid: 3, gid: 4, mtime: 77 })
    .file('d/one', 'first', { mode: 0o4755, mtime: 1_700_000_000 })
    .pax({ path: 'n'.repeat(200), uid: '3000000', mtime: '1.5' })
    .file('x', 'y')
    .link('hard', 'd/one')
    .device('null', 'char', 1, 3)
    .end();
  parser.end(plain);
  const mine: unknown[] = [];
  for await (const { path, mode, uid, gid, size, mtimeNs, linkpath } of readArchive(stream(plain)))
    mine.push({ path, mode, uid, gid, size, linkpath, mtime: Number(mtimeNs / 1_000_000n) });
  expect(mine).toEqual(
    theirs.map(({ path, mode, uid, gid, size, linkpath = '', mtime }) => ({
      path,
      mode,
      uid,
      gid,
      size,
      linkpath,
      mtime: mtime?.getTime(),
    })),
  );
});

test('readArchive() fails when the archive is cut, for whoever reads then', async () => {
  const cut = archive.subarray(0, 3000);
  const bodies = async () => {
    for await (const { body } of readArchive(stream(cut, 100))) await buffer(body);
  };
  await expect(bodies()).rejects.toMatchObject({ code: 'INVALID_ARCHIVE' });
  const names = async () => {
    for await (const _ of readArchive(stream(cut, 100)));
  };
  await expect(names()).rejects.toMatchObject({ code: 'INVALID_ARCHIVE' });
});

test('readArchive() keeps to its limits, and lets its source go when left early', async () => {
  const all = async () => {
    for await (const _ of readArchive(stream(archive), { entries: 3 }));
  };
  await expect(all()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  const source = stream(archive, 100);
  for await (const _ of readArchive(source)) break;
  expect(source.destroyed).toBe(true);
});

test('plainTar() decompresses what is compressed, and passes on what is not', async () => {
  expect(await buffer(plainTar(stream(archive)))).toEqual(archive);
  expect(await buffer(plainTar(compress(stream(archive), 'gzip')))).toEqual(archive);
  expect(await text(plainTar(stream(Buffer.from('x'))))).toBe('x');
});
