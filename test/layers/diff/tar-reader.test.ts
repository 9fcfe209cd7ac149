import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ArchiveLimits } from '../../../layers/diff/archive-limits.ts';
import type { TarEntry } from '../../../layers/diff/tar-entry.ts';
import { TarReader } from '../../../layers/diff/tar-reader.ts';
import { base256 } from '../../support/archive-cases.ts';
import { hasProgram } from '../../support/programs.ts';
import { makeRandomTree } from '../../support/random-tree.ts';
import { type SeededRandom, seededRandom } from '../../support/seeded-random.ts';
import { TarBuilder } from '../../support/tar-builder.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { inspectTree } from '../../support/tree.ts';

interface ReadEntry extends TarEntry {
  readonly content: Buffer;
}

/** All entries with their bytes, holes filled. */
function read(tar: Buffer, size = tar.length, limits: Partial<ArchiveLimits> = {}): ReadEntry[] {
  const reader = new TarReader({ limits, trailer: 'any' });
  const entries: ReadEntry[] = [];
  for (let at = 0; at < tar.length; at += size) {
    // A copy of its own, written over afterwards: nothing may be kept of a chunk.
    const chunk = Buffer.from(tar.subarray(at, at + size));
    reader.feed(chunk);
    for (let step = reader.next(); step !== undefined; step = reader.next()) {
      if (step === 'entry') entries.push({ ...reader.entry, content: Buffer.alloc(reader.entry.size) });
      else if (step === 'data') {
        const { chunk: from, start, end, position } = reader.data;
        from.copy(entries.at(-1)!.content, position, start, end);
      }
    }
    chunk.fill(0xaa);
  }
  reader.end();
  return entries;
}

const codeOf = (action: () => unknown): string | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as { readonly code?: string }).code;
  }
};

test('TarReader reads the same entries from chunks of any size', () => {
  const tar = new TarBuilder()
    .pax({ path: 'a'.repeat(300), 'SCHILY.xattr.user.x': 'v\nw', mtime: '-1.25' })
    .file('short', 'x'.repeat(1000))
    .gnuLong('L', 'b'.repeat(700))
    .gnuLong('K', 'c'.repeat(700))
    .symlink('short', 'short')
    .file('exact', 'y'.repeat(512))
    .file('empty')
    .pax([
      ['GNU.sparse.major', '0'],
      ['GNU.sparse.minor', '1'],
      ['GNU.sparse.map', '3,2,10,3'],
      ['GNU.sparse.size', '20'],
    ])
    .file('sparse', 'ABCDE')
    .directory('d')
    .end();
  const whole = read(tar);
  expect(whole.map(({ path, type, size }) => [path.length, type, size])).toEqual([
    [300, 'file', 1000],
    [700, 'symlink', 0],
    [5, 'file', 512],
    [5, 'file', 0],
    [6, 'file', 20],
    [2, 'directory', 0],
  ]);
  expect(whole[0]).toMatchObject({ mtimeNs: -1_250_000_000n, xattrs: [['user.x', Buffer.from('v\nw')]] });
  expect(whole[4]!.content.toString('latin1')).toBe('\0\0\0AB\0\0\0\0\0CDE\0\0\0\0\0\0\0');
  for (const size of [1, 3, 511, 512, 513, 1000]) expect(read(tar, size)).toEqual(whole);
});

test("TarReader reads GNU's binary numbers", () => {
  const header = {
    name: 'a',
    uid: base256(3_000_000, 8),
    gid: base256(4_294_967_294, 8),
    mtime: base256(-2, 12),
  };
  expect(read(new TarBuilder().header(header).end())[0]).toMatchObject({
    uid: 3_000_000,
    gid: 4_294_967_294,
    mtimeNs: -2_000_000_000n,
  });
});

describe('TarReader stops', () => {
  test('at too many entries', () => {
    const builder = new TarBuilder();
    for (let index = 0; index < 11; index++) builder.file(`f${index}`);
    expect(read(builder.end(), 512, { entries: 11 })).toHaveLength(11);
    expect(codeOf(() => read(builder.end(), 512, { entries: 10 }))).toBe('LIMIT_EXCEEDED');
  });

  test('at an archive that is too long', () => {
    const tar = new TarBuilder().file('a', Buffer.alloc(10_000)).end();
    expect(read(tar, 512, { bytes: tar.length })).toHaveLength(1);
    expect(codeOf(() => read(tar, 512, { bytes: tar.length - 1 }))).toBe('LIMIT_EXCEEDED');
  });

  test('at files that are too long, before their bytes have come', () => {
    const claims = new TarBuilder().header({ name: 'a', size: base256(2 ** 50, 12) }).bytes();
    expect(codeOf(() => read(claims))).toBe('LIMIT_EXCEEDED');
    const holes = new TarBuilder()
      .pax({ 'GNU.sparse.map': `${2 ** 50},1`, 'GNU.sparse.size': `${2 ** 50 + 1}` })
      .file('a', 'x')
      .end();
    expect(codeOf(() => read(holes))).toBe('LIMIT_EXCEEDED');
    const old = new TarBuilder()
      .header({ name: 'a', type: 'S', magic: 'ustar  \0', patch: [[483, base256(2 ** 50, 12)]] })
      .end();
    expect(codeOf(() => read(old))).toBe('LIMIT_EXCEEDED');
  });

  test('at a path or link target that is too long', () => {
    const named = (length: number) =>
      new TarBuilder()
        .pax({ path: 'a'.repeat(length) })
        .file('a')
        .end();
    expect(read(named(4095))).toHaveLength(1);
    expect(codeOf(() => read(named(4096)))).toBe('LIMIT_EXCEEDED');
    const link = new TarBuilder()
      .pax({ linkpath: 'a'.repeat(4096) })
      .symlink('a', 'b')
      .end();
    expect(codeOf(() => read(link))).toBe('LIMIT_EXCEEDED');
  });

  test.each(['x', 'g', 'L', 'K'])('at a header of type %s that is too long, before it has come', (type) => {
    const tar = new TarBuilder().header({ name: 'h', type, size: 2 ** 20 + 1 }).bytes();
    expect(codeOf(() => read(tar))).toBe('LIMIT_EXCEEDED');
  });

  test('at a sparse map that is too long, in every format', () => {
    const lines = `${9_000_000}\n${'1\n'.repeat(700_000)}`;
    const newest = new TarBuilder()
      .pax({
        'GNU.sparse.major': '1',
        'GNU.sparse.minor': '0',
        'GNU.sparse.realsize': '9',
        'GNU.sparse.name': 'a',
      })
      .file('a', lines)
      .end();
    expect(codeOf(() => read(newest, 65_536))).toBe('LIMIT_EXCEEDED');
    const old = new TarBuilder().header({ name: 'a', type: 'S', magic: 'ustar  \0', patch: [[482, '\x01']] });
    const block = Buffer.alloc(512);
    for (let at = 0; at < 504; at += 24) block.write('00000000000\x0000000000001\0', at, 'latin1');
    block[504] = 1;
    for (let count = 0; count < 3000; count++) old.raw(block);
    expect(codeOf(() => read(old.end(), 65_536))).toBe('LIMIT_EXCEEDED');
  });
});

const formats = ['v7', 'oldgnu', 'gnu', 'ustar', 'posix'] as const;

describe.skipIf(!hasProgram('tar'))('TarReader reads what GNU tar writes', () => {
  test.each(formats)('in the format %s', (format) => {
    const folder = tempFolder();
    makeTreeFor(format, folder);
    const tar = execFileSync(
      'tar',
      [`--format=${format}`, '--numeric-owner', '-cf', '-', '-C', folder, '.'],
      {
        maxBuffer: 1 << 28,
      },
    );
    const tree = inspectTree(folder);
    const entries = read(tar, 1000);
    expect(entries).toHaveLength(Object.keys(tree).length);
    for (const entry of entries) {
      const expected = tree[entry.path.replace(/^\.\//, '').replace(/\/$/, '') || '.']!;
      if (expected.type === 'whiteout') continue;
      expect(entry.mode.toString(8)).toBe(expected.mode);
      expect(`${entry.uid}:${entry.gid}`).toBe(expected.owner);
      if (entry.type === 'file') expect(entry.content.toString('latin1')).toBe(expected.content);
      if (entry.type === 'symlink') expect(entry.linkpath).toBe(expected.target);
    }
  });

  test.each([
    ['gnu', '--format=gnu'],
    ['oldgnu', '--format=oldgnu'],
    ['PAX 0.0', '--format=posix', '--sparse-version=0.0'],
    ['PAX 0.1', '--format=posix', '--sparse-version=0.1'],
    ['PAX 1.0', '--format=posix', '--sparse-version=1.0'],
  ])('for sparse files as %s', (_, ...options) => {
    const folder = tempFolder();
    const content = Buffer.alloc(3 << 20);
    const sparse = openSync(join(folder, 'sparse'), 'w');
    for (let piece = 0; piece < 60; piece++) {
      const bytes = Buffer.from(`piece ${piece} `.repeat(500).slice(0, 4096));
      writeSync(sparse, bytes, 0, bytes.length, piece * 40_960);
      bytes.copy(content, piece * 40_960);
    }
    ftruncateSync(sparse, content.length);
    closeSync(sparse);
    writeFileSync(join(folder, 'z'), 'after');
    const tar = execFileSync('tar', ['-S', ...options, '-cf', '-', '-C', folder, 'sparse', 'z'], {
      maxBuffer: 1 << 28,
    });
    expect(tar.length).toBeLessThan(1 << 20);
    for (const size of [tar.length, 700]) {
      const [first, second] = read(tar, size);
      expect(first).toMatchObject({ path: 'sparse', type: 'file', size: content.length });
      expect(first!.content.equals(content)).toBe(true);
      expect(second).toMatchObject({ path: 'z', content: Buffer.from('after') });
    }
  });
});

/** Old formats hold neither large owners nor long names, and no time before 1970. */
function makeTreeFor(format: (typeof formats)[number], folder: string): void {
  if (format === 'posix') {
    makeRandomTree(folder, seededRandom(77), 100);
    return;
  }
  execFileSync(
    'sh',
    ['-c', 'mkdir -p d/e; echo one >d/one; ln d/one d/two; ln -s one d/three; chmod 4755 d/one'],
    {
      cwd: folder,
    },
  );
}

describe.skipIf(!hasProgram('python3'))('TarReader and other readers', () => {
  /** Names, types and sizes as Python's tarfile has them; undefined when it refuses the archive. */
  const script = `
import sys, tarfile, json, io, base64
for line in sys.stdin:
    data = base64.b64decode(line)
    try:
        out = []
        with tarfile.open(fileobj=io.BytesIO(data), mode='r:', errors='surrogateescape') as tar:
            for m in tar:
                kind = 'file' if m.isreg() else 'directory' if m.isdir() else 'link' if m.islnk() else 'symlink' if m.issym() else 'other'
                out.append([m.name.encode('utf-8', 'surrogateescape').decode('latin1'), kind, m.size if m.isreg() else 0])
    except Exception:
        out = None
    print(json.dumps(out), flush=True)
`;

  test('see the same entries in a damaged archive, unless one refuses it (T17)', () => {
    const random = seededRandom(4711);
    const archives = Array.from({ length: 3000 }, () => damaged(random));
    const input = archives.map((tar) => tar.toString('base64')).join('\n');
    const answers = execFileSync('python3', ['-c', script], { input, maxBuffer: 1 << 28 })
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown[][] | null);
    let accepted = 0;
    for (const [index, tar] of archives.entries()) {
      let entries: ReadEntry[];
      try {
        entries = read(tar, tar.length, { bytes: 2 ** 20 });
      } catch (error) {
        expect(error).toHaveProperty('name', 'StoreError');
        continue;
      }
      const answer = answers[index];
      if (answer === null || answer === undefined) continue;
      accepted++;
      const mine = entries.map(({ path, type, size }) => [
        path.replace(/\/+$/, ''),
        ['file', 'directory', 'link', 'symlink'].includes(type) ? type : 'other',
        size,
      ]);
      const theirs = answer.map(([name, ...rest]) => [String(name).replace(/\/+$/, ''), ...rest]);
      expect(mine.slice(0, theirs.length), tar.toString('base64')).toEqual(theirs);
      // Python ends without a word at a header that it does not like. What does GNU tar see?
      if (mine.length > theirs.length) expect(countByGnuTar(tar), tar.toString('base64')).toBe(mine.length);
    }
    expect(accepted).toBeGreaterThan(500);
  });
});

function countByGnuTar(tar: Buffer): number {
  const listing = execFileSync('tar', ['-t', '--quoting-style=escape', '-f', '-'], {
    input: tar,
    stdio: 'pipe',
  });
  return listing.toString('latin1').split('\n').length - 1;
}

/** An archive with some bytes changed, its checksums put right again so that readers look further. */
function damaged(random: SeededRandom): Buffer {
  const content = new TarBuilder().file('inner', 'x'.repeat(20)).bytes();
  const tar = new TarBuilder()
    .pax({ path: 'long/name', size: '1536', mtime: '1.5' })
    .header({ name: 'a', mode: 0o644 })
    .raw(content)
    .raw(Buffer.alloc(512, 'c'))
    .gnuLong('L', 'gnu/long/name')
    .file('b', 'text')
    .directory('d')
    .symlink('s', 'target')
    .link('l', 'b')
    .file('z', content)
    .end();
  const fields = [0, 100, 108, 116, 124, 127, 134, 135, 136, 156, 157, 257, 263, 345];
  const isHeader = (block: number) => tar.toString('latin1', block + 257, block + 262) === 'ustar';
  for (let change = random.below(3); change >= 0; change--) {
    const block = 512 * random.below(tar.length / 512);
    const at = random.chance(70) && isHeader(block) ? block + random.pick(fields) : block + random.below(512);
    tar[at] = random.pick([0, 0x20, 0x2f, 0x30, 0x31, 0x35, 0x37, 0x78, 0x67, 0x80, 0xff, random.below(256)]);
    if (!isHeader(block)) continue;
    tar.fill(' ', block + 148, block + 156);
    const sum = tar.subarray(block, block + 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, block + 148, 'latin1');
  }
  return tar;
}
