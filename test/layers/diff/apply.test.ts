import { spawnSync } from 'node:child_process';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type ApplyOptions, applyLayer } from '../../../layers/diff/apply.ts';
import * as inode from '../../../layers/linux/inode.ts';
import { removeTreeAt } from '../../../layers/linux/remove-tree.ts';
import { digestOf } from '../../../layers/oci/digest.ts';
import { bundleScript } from '../../support/child-process.ts';
import { hasProgram } from '../../support/programs.ts';
import { TarBuilder } from '../../support/tar-builder.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { inspectTree, outlineTree } from '../../support/tree.ts';

function apply(tar: Buffer, directory: string, options: ApplyOptions = {}) {
  return applyLayer(Readable.from([tar]), directory, options);
}

describe('applyLayer()', () => {
  test('hashes every byte, those behind the end marker too', async () => {
    const tar = Buffer.concat([new TarBuilder().file('a', 'x').end(), Buffer.alloc(100_000)]);
    expect(await apply(tar, tempFolder())).toEqual({
      diffId: digestOf(tar),
      size: tar.length,
      entries: 1,
      disk: 4096,
    });
  });

  test('sets mode, owner, time and attributes of the root and of directories last', async () => {
    const directory = tempFolder();
    const tar = new TarBuilder()
      .header({ name: './', type: '5', mode: 0o711, uid: 5, gid: 6, mtime: 1000 })
      .pax({ 'SCHILY.xattr.user.note': 'dir', mtime: '-1.5' })
      .directory('d', { mode: 0o500, uid: 7, gid: 8 })
      .file('d/x', 'content', { mode: 0o400, mtime: 3000 })
      .directory('d/e', { mtime: 4000 })
      .file('implied/x')
      .end();
    await apply(tar, directory);
    expect(inspectTree(directory)).toEqual({
      '.': { type: 'directory', mode: '711', owner: '5:6', mtime: '1000000000000' },
      d: {
        type: 'directory',
        mode: '500',
        owner: '7:8',
        mtime: '-1500000000',
        xattrs: { 'user.note': 'dir' },
      },
      'd/e': { type: 'directory', mode: '755', owner: '0:0', mtime: '4000000000000' },
      'd/x': { type: 'file', mode: '400', owner: '0:0', mtime: '3000000000000', content: 'content' },
      implied: { type: 'directory', mode: '755', owner: '0:0', mtime: '0' },
      'implied/x': { type: 'file', mode: '644', owner: '0:0', mtime: '0', content: '' },
    });
  });

  test('gives the same modes whatever the umask is', async () => {
    const old = process.umask(0o777);
    try {
      const directory = tempFolder();
      chmodSync(directory, 0o700);
      await apply(
        new TarBuilder().directory('d', { mode: 0o777 }).file('d/x', '', { mode: 0o666 }).end(),
        directory,
      );
      const tree = inspectTree(directory);
      expect([tree.d?.mode, tree['d/x']?.mode]).toEqual(['777', '666']);
    } finally {
      process.umask(old);
    }
  });

  test('keeps holes, wherever they are', async () => {
    const directory = tempFolder();
    const size = 8 << 20;
    const sparse = (name: string, map: string, content: string) =>
      new TarBuilder()
        .pax({ 'GNU.sparse.map': map, 'GNU.sparse.size': `${size}` })
        .file(name, content)
        .bytes();
    const tar = Buffer.concat([
      sparse('middle', `0,3,${size - 3},3`, 'abcdef'),
      sparse('end', '0,3', 'abc'),
      sparse('all', '', ''),
      new TarBuilder().file('after', 'x').end(),
    ]);
    await applyLayer(Readable.from([tar.subarray(0, 1030), tar.subarray(1030)]), directory);
    for (const name of ['middle', 'end', 'all']) {
      const stat = statSync(join(directory, name));
      expect(stat.size).toBe(size);
      expect(stat.blocks * 512).toBeLessThan(1 << 20);
    }
    const tree = inspectTree(directory);
    expect(tree.middle?.content?.replaceAll('\0', '')).toBe('abcdef');
    expect(tree.middle?.content?.endsWith('\0def')).toBe(true);
    expect(tree.end?.content?.startsWith('abc\0')).toBe(true);
    expect(tree.after?.content).toBe('x');
  });

  test('marks opaque directories in the way of the mount they are for', async () => {
    const directory = tempFolder();
    const tar = new TarBuilder().file('d/.wh..wh..opq').end();
    await apply(tar, directory, { overlayXattrs: 'user.overlay.' });
    expect(inspectTree(directory).d?.xattrs).toEqual({ 'user.overlay.opaque': 'y' });
  });

  test.each([
    ['entries', new TarBuilder().file('a').file('b').file('c').end(), { entries: 2 }],
    [
      'directories that no entry tells about',
      new TarBuilder().file(`${'d/'.repeat(40)}x`).end(),
      { entries: 30 },
    ],
    ['bytes', new TarBuilder().file('a', Buffer.alloc(10_000)).end(), { bytes: 9000 }],
  ])('stops at too many %s', async (_, tar, limits) => {
    await expect(apply(tar, tempFolder(), { limits })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  test('stops at directories in each other that symlinks would make without end', async () => {
    const builder = new TarBuilder();
    const long = Array.from({ length: 1000 }, () => 'd').join('/');
    for (const [link, target] of [long, `l0/${long}`, `l1/${long}`].entries())
      builder.pax({ linkpath: target }).symlink(`l${link}`, 'long').file(`l${link}/x`);
    const directory = tempFolder();
    await expect(apply(builder.end(), directory)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    // Too deep for rm of Node.
    const root = inode.openAt(inode.AT_FDCWD, directory, inode.O.DIRECTORY);
    removeTreeAt(root, 'd');
    inode.close(root);
  });

  test('names the entry that a system call failed for', async () => {
    const tar = new TarBuilder()
      .file('a')
      .pax({ path: `d/${'n'.repeat(300)}` })
      .file('x')
      .end();
    await expect(apply(tar, tempFolder())).rejects.toMatchObject({
      code: 'SYSTEM',
      subject: expect.stringMatching(/^d\/nnn/),
      cause: { code: 'ENAMETOOLONG' },
    });
  });

  test('passes on an error of its source, and leaves no descriptor open', async () => {
    const descriptors = () => Number(spawnSync('sh', ['-c', `ls /proc/${process.pid}/fd | wc -l`]).stdout);
    const tar = new TarBuilder().directory('d').file('d/x', Buffer.alloc(100_000)).bytes();
    const failing = () =>
      Readable.from(
        (async function* () {
          yield tar.subarray(0, 50_000);
          throw new Error('connection reset');
        })(),
      );
    const folders = [tempFolder(), tempFolder(), tempFolder()];
    // What the first failure loads stays open.
    await expect(applyLayer(failing(), tempFolder())).rejects.toThrow('connection reset');
    const before = descriptors();
    for (const folder of folders)
      await expect(applyLayer(failing(), folder)).rejects.toThrow('connection reset');
    // Streams close a moment after they have failed.
    await expect.poll(descriptors, { timeout: 10_000 }).toBeLessThanOrEqual(before);
  });

  test.skipIf(!hasProgram('setpriv'))('says what is missing when it may make no device nodes', () => {
    const script = bundleScript('test/support/apply-script.ts');
    const tar = join(tempFolder(), 'layer.tar');
    const run = (content: Buffer) => {
      writeFileSync(tar, content);
      const env = { PATH: process.env.PATH };
      const { stdout, stderr } = spawnSync(
        'setpriv',
        ['--bounding-set', '-mknod', process.execPath, script, tar, tempFolder()],
        { env },
      );
      return `${stdout}${stderr}`.trim();
    };
    expect(run(new TarBuilder().device('null', 'char', 1, 3).end())).toMatch(
      /^UNSUPPORTED .*CAP_MKNOD.*"null"/,
    );
    expect(run(new TarBuilder().file('.wh.gone').device('pipe', 'fifo').end())).toBe('ok');
  });
});

/** The corpus tries races of one archive; these go on until the order of anything could have shown (T05). */
describe('applyLayer(), again and again', () => {
  test('never writes through a symlink that an entry replaces, nor links ahead of a target', async () => {
    const canary = join(tempFolder(), 'secret');
    writeFileSync(canary, 'canary');
    const builder = new TarBuilder();
    for (let round = 0; round < 1000; round++) {
      builder.symlink(`x${round}`, canary).file(`x${round}`, `file ${round}`).link(`h${round}`, `x${round}`);
      builder
        .directory(`d${round}`)
        .symlink(`d${round}`, canary)
        .directory(`d${round}`)
        .file(`d${round}/y`, 'z');
    }
    const directory = tempFolder();
    const tar = builder.end();
    const pieces: Buffer[] = [];
    for (let at = 0; at < tar.length; at += 1000) pieces.push(tar.subarray(at, at + 1000));
    await applyLayer(Readable.from(pieces), directory);
    const expected = Array.from({ length: 1000 }, (_, round) => [
      [`d${round}`, 'directory'],
      [`d${round}/y`, 'file z'],
      [`h${round}`, `file file ${round}`],
      [`x${round}`, `link h${round}`],
    ]);
    expect(outlineTree(directory)).toEqual(Object.fromEntries(expected.flat()));
    expect(inspectTree(join(canary, '..')).secret?.content).toBe('canary');
  });

  test('keeps layers that are unpacked at the same time apart', async () => {
    const layers = Array.from({ length: 8 }, (_, layer) => {
      const builder = new TarBuilder();
      for (let index = 0; index < 200; index++)
        builder.file(`d/f${index}`, `${layer}`.repeat(1 + (index % 700)));
      return { tar: builder.end(), directory: tempFolder() };
    });
    const chunked = (tar: Buffer) =>
      Readable.from(
        (async function* () {
          for (let at = 0; at < tar.length; at += 700) {
            await new Promise(setImmediate);
            yield tar.subarray(at, at + 700);
          }
        })(),
      );
    await Promise.all(layers.map(({ tar, directory }) => applyLayer(chunked(tar), directory)));
    for (const [layer, { directory }] of layers.entries()) {
      const files = Object.values(inspectTree(directory)).filter(({ type }) => type === 'file');
      expect(files).toHaveLength(200);
      expect(files.every(({ content }) => content?.replaceAll(`${layer}`, '') === '')).toBe(true);
    }
  });
});
