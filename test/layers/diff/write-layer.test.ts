import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Parser, type ReadEntry } from 'tar';
import { describe, expect, test } from 'vitest';
import { LayerTar } from '../../../layers/diff/layer-tar.ts';
import { writeLayer } from '../../../layers/diff/write-layer.ts';
import * as inode from '../../../layers/linux/inode.ts';
import { removeTreeAt } from '../../../layers/linux/remove-tree.ts';
import { digestOf } from '../../../layers/oci/digest.ts';
import { hasProgram } from '../../support/programs.ts';
import { makeRandomTree } from '../../support/random-tree.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { inspectTree } from '../../support/tree.ts';

async function tarOf(directory: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  await writeLayer(directory, (chunk, length) => {
    parts.push(Buffer.from(chunk.subarray(0, length)));
  });
  return Buffer.concat(parts);
}

/** Entries as the `tar` package reads them. */
function entriesOf(tar: Buffer): ReadEntry[] {
  const entries: ReadEntry[] = [];
  const parser = new Parser({
    onReadEntry(entry) {
      entries.push(entry);
      entry.resume();
    },
    strict: true,
  });
  parser.end(tar);
  return entries;
}

const pathsOf = (tar: Buffer) => entriesOf(tar).map(({ path }) => path);

/** A directory that holds what `fill` makes through a descriptor of it. */
function directoryWith(fill: (root: number, path: string) => void): string {
  const path = tempFolder();
  const root = inode.openAt(inode.AT_FDCWD, path, inode.O.DIRECTORY);
  fill(root, path);
  inode.close(root);
  return path;
}

describe('writeLayer()', () => {
  test('puts entries below their directory, in bytewise order, and leaves the root out', async () => {
    const directory = directoryWith((_, path) => {
      for (const name of ['b', 'a', 'a-b', 'B', 'a/z', 'a/\u00e9', 'a/A']) mkdirSync(join(path, name));
    });
    const tar = await tarOf(directory);
    expect(pathsOf(tar)).toEqual(['B/', 'a/', 'a/A/', 'a/z/', 'a/\u00e9/', 'a-b/', 'b/']);
  });

  test('writes the end marker alone for an empty directory', async () => {
    expect(await tarOf(tempFolder())).toEqual(Buffer.alloc(1024));
  });

  test('writes whiteouts as empty files without owner, mode or time, also when they share an inode', async () => {
    const directory = directoryWith((root) => {
      inode.makeNodeAt(root, 'gone', 'char', 0, 0, 0);
      inode.linkAt(root, 'gone', root, 'gone-too');
    });
    const entries = entriesOf(await tarOf(directory));
    expect(entries.map(({ path }) => path)).toEqual(['.wh.gone', '.wh.gone-too']);
    for (const { type, mode, uid, gid, size, mtime } of entries)
      expect({ type, mode, uid, gid, size, mtime }).toEqual({
        type: 'File',
        mode: 0,
        uid: 0,
        gid: 0,
        size: 0,
        mtime: new Date(0),
      });
  });

  test('marks an opaque directory right after its entry, and only for the attribute of this kind of mount', async () => {
    const directory = directoryWith((root, path) => {
      for (const name of ['a', 'a/!first', 'b', 'c']) mkdirSync(join(path, name));
      inode.setXattr(root, 'a', 'trusted.overlay.opaque', Buffer.from('y'));
      inode.setXattr(root, 'b', 'user.overlay.opaque', Buffer.from('y'));
      inode.setXattr(root, 'c', 'trusted.overlay.opaque', Buffer.from('x'));
    });
    expect(pathsOf(await tarOf(directory))).toEqual(['a/', 'a/.wh..wh..opq', 'a/!first/', 'b/', 'c/']);
    const parts: Buffer[] = [];
    const sink = (chunk: Buffer, length: number) => void parts.push(Buffer.from(chunk.subarray(0, length)));
    await writeLayer(directory, sink, { overlayXattrs: 'user.overlay.' });
    expect(pathsOf(Buffer.concat(parts))).toEqual(['a/', 'a/!first/', 'b/', 'b/.wh..wh..opq', 'c/']);
  });

  test('writes the first name of a file as the file, and the others as links to it', async () => {
    const directory = directoryWith((root, path) => {
      mkdirSync(join(path, 'd'));
      writeFileSync(join(path, 'z'), 'content');
      inode.linkAt(root, 'z', root, 'd/second');
      inode.symlinkAt('nowhere', root, 's');
      inode.linkAt(root, 's', root, 't');
    });
    const entries = entriesOf(await tarOf(directory));
    expect(entries.map(({ path, type, linkpath }) => [path, type, linkpath ?? ''])).toEqual([
      ['d/', 'Directory', ''],
      ['d/second', 'File', ''],
      ['s', 'SymbolicLink', 'nowhere'],
      ['t', 'Link', 's'],
      ['z', 'Link', 'd/second'],
    ]);
  });

  test('leaves out sockets, marks of overlayfs and labels of the host', async () => {
    const path = tempFolder();
    writeFileSync(join(path, 'file'), '');
    const root = inode.openAt(inode.AT_FDCWD, path, inode.O.DIRECTORY);
    for (const name of ['trusted.overlay.origin', 'user.overlay.impure', 'security.selinux', 'user.kept'])
      inode.setXattr(root, 'file', name, Buffer.from('1'));
    inode.close(root);
    const server = createServer().listen(join(path, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    const tar = await tarOf(path);
    server.close();
    expect(pathsOf(tar)).toEqual(['file']);
    expect(tar.toString('latin1').match(/SCHILY\.xattr\.[a-z.]+/g)).toEqual(['SCHILY.xattr.user.kept']);
  });

  test.each([
    ['a name that would mean a deletion', (root: number) => inode.makeDirectoryAt(root, '.wh.x', 0o755)],
    [
      'a file that overlayfs keeps elsewhere',
      (root: number) => {
        inode.makeDirectoryAt(root, 'd', 0o755);
        inode.setXattr(root, 'd', 'trusted.overlay.redirect', Buffer.from('/x'));
      },
    ],
  ])('refuses %s', async (_, fill) => {
    await expect(tarOf(directoryWith(fill))).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('refuses a path that no program could use', async () => {
    const directory = tempFolder();
    const root = inode.openAt(inode.AT_FDCWD, directory, inode.O.DIRECTORY);
    const fds = [root];
    for (let depth = 0; depth < 20; depth++) {
      inode.makeDirectoryAt(fds.at(-1)!, 'n'.repeat(250), 0o755);
      fds.push(inode.openAt(fds.at(-1)!, 'n'.repeat(250), inode.O.DIRECTORY));
    }
    await expect(tarOf(directory)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    removeTreeAt(root, 'n'.repeat(250));
    for (const fd of fds) inode.close(fd);
  });

  test('fails when a file shrinks while it is read', async () => {
    const directory = directoryWith((_, path) => writeFileSync(join(path, 'a'), Buffer.alloc(9 << 20)));
    const shrinking = writeLayer(directory, () => writeFileSync(join(directory, 'a'), 'short'));
    await expect(shrinking).rejects.toMatchObject({ code: 'CORRUPT', subject: 'a' });
  });

  test('gives the same bytes for every size of buffer', () => {
    const directory = tempFolder();
    makeRandomTree(directory, seededRandom(5), 80);
    const digests = [512, 1024, 4096, 1 << 20].map((size) => {
      const tar = new LayerTar(directory);
      const buffer = Buffer.allocUnsafeSlow(size);
      const parts: Buffer[] = [];
      for (let length = tar.fill(buffer); length > 0; length = tar.fill(buffer))
        parts.push(Buffer.from(buffer.subarray(0, length)));
      tar.close();
      return digestOf(Buffer.concat(parts));
    });
    expect(new Set(digests).size).toBe(1);
  });

  test('gives the bytes it has always given', async () => {
    const directory = directoryWith((root, path) => {
      mkdirSync(join(path, 'etc'), { mode: 0o755 });
      writeFileSync(join(path, 'etc/file'), 'content\n', { mode: 0o644 });
      symlinkSync('file', join(path, 'etc/link'));
      mkdirSync(join(path, 'large-owner'), { mode: 0o700 });
      inode.chownAt(root, 'large-owner', 3_000_000, 7);
      inode.makeNodeAt(root, 'null', 'char', 0o666, 1, 3);
      inode.chmodAt(root, 'null', 0o666);
      inode.makeNodeAt(root, 'gone', 'char', 0, 0, 0);
      inode.setXattr(root, 'etc/file', 'user.note', Buffer.from('a\nb'));
      writeFileSync(join(path, 'n'.repeat(120)), '', { mode: 0o600 });
      for (const name of ['etc/file', 'etc/link', 'large-owner', 'null', 'n'.repeat(120), 'etc'])
        inode.setTimesAt(
          root,
          name,
          name === 'etc' ? 1_700_000_000_250_000_000n : 1_700_000_000_000_000_000n,
        );
    });
    // A change here makes every layer that exists another one: it must never happen by accident.
    expect(digestOf(await tarOf(directory))).toBe(
      'sha256:550f2a3569ae4040665238a71e8400514d7551cc93591242b0ad5bc1f9ac7434',
    );
  });
});

describe.each([1, 2, 3])('a random layer, seed %d', (seed) => {
  const prepare = () => {
    const directory = tempFolder();
    makeRandomTree(directory, seededRandom(1000 + seed), 120);
    return directory;
  };

  test.skipIf(!hasProgram('tar'))('is unpacked by GNU tar to the same tree', async () => {
    const [directory, copy] = [prepare(), tempFolder()];
    const options = [
      '-xpf',
      '-',
      '-C',
      copy,
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      '--exclude=.wh.*',
    ];
    execFileSync('tar', options, { input: await tarOf(directory), stdio: ['pipe', 'pipe', 'pipe'] });
    expect(withoutMarks(inspectTree(copy))).toEqual(withoutMarks(inspectTree(directory)));
  });

  test.skipIf(!hasProgram('python3'))("is listed by Python's tarfile as it is", async () => {
    const directory = prepare();
    const script = `
import sys, tarfile, json, io
tar = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), errors='surrogateescape')
out = []
for m in tar:
    name = m.name.encode('utf-8', 'surrogateescape').decode('latin1')
    out.append([name, m.type.decode(), m.mode, m.uid, m.gid, m.size])
json.dump(out, sys.stdout)
`;
    const tar = await tarOf(directory);
    const listed = JSON.parse(
      execFileSync('python3', ['-c', script], { input: tar, maxBuffer: 1 << 28 }).toString(),
    ) as unknown[][];
    expect(listed.length).toBeGreaterThan(100);
    const tree = inspectTree(directory);
    for (const [name, type, mode, uid, gid, size] of listed) {
      const path = String(name);
      if (path.includes('.wh.')) continue;
      const entry = tree[path];
      expect([path, entry?.mode, entry?.owner]).toEqual([path, Number(mode).toString(8), `${uid}:${gid}`]);
      if (type === '0') expect(size).toBe(entry?.content?.length);
    }
  });
});

/** What a plain tar can say: no whiteouts, no marks, and no time of directories that others changed. */
function withoutMarks(tree: ReturnType<typeof inspectTree>): unknown {
  const entries = Object.entries(tree).filter(([path, { type }]) => path !== '.' && type !== 'whiteout');
  return Object.fromEntries(
    entries.map(([path, { xattrs = {}, ...entry }]) => {
      const kept = Object.entries(xattrs).filter(([name]) => !name.includes('overlay.'));
      return [path, { ...entry, xattrs: Object.fromEntries(kept) }];
    }),
  );
}
