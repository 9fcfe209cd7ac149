import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { directoryTree } from '../../../layers/index.ts';
import { writeLocal } from '../../../src/exporter/local.ts';
import { writeTar } from '../../../src/exporter/tar.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** A tree with one of everything that a directory on disk can hold. */
function sampleTree() {
  const root = join(tempFolder(), 'tree');
  mkdirSync(join(root, 'dir/deep'), { recursive: true });
  writeFileSync(join(root, 'dir/file'), 'text', { mode: 0o640 });
  writeFileSync(join(root, 'dir/deep/big'), Buffer.alloc(3_000_000, 'x'));
  writeFileSync(join(root, 'empty'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/bytes-`), Buffer.from([0xff, 0xfe])]), 'b');
  execFileSync('ln', [join(root, 'dir/file'), join(root, 'dir/deep/twin')]);
  symlinkSync('../dir', join(root, 'dir/deep/back'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
  execFileSync('touch', ['-d', '2020-02-03T04:05:06.123456789Z', join(root, 'dir/file'), join(root, 'dir')]);
  return { root, tree: directoryTree(root) };
}

const tarList = (path: string, ...options: string[]) =>
  execFileSync('tar', ['tf', path, '--quoting-style=escape', ...options], { encoding: 'utf8' })
    .trim()
    .split('\n');

describe('writeLocal()', () => {
  test('writes files, links, times and modes, and tells what it cannot write', async () => {
    const { root, tree } = sampleTree();
    const out = join(tempFolder(), 'new/out');
    expect(await writeLocal(tree, out)).toEqual({ skipped: ['/pipe'] });
    execFileSync('rm', [join(root, 'pipe')]);
    execFileSync('diff', ['-r', '--no-dereference', root, out]);
    expect(statSync(join(out, 'dir/file'))).toMatchObject({ nlink: 2, mode: 0o100640 });
    expect(statSync(join(out, 'dir/file')).ino).toBe(statSync(join(out, 'dir/deep/twin')).ino);
    expect(Math.trunc(statSync(join(out, 'dir')).mtimeMs)).toBe(Date.parse('2020-02-03T04:05:06.123Z'));
    expect(readdirSync(out, { encoding: 'buffer' }).some((name) => name.includes(0xff))).toBe(true);
  });

  test('replaces what is there, and keeps what is not in the tree', async () => {
    const { tree } = sampleTree();
    const out = tempFolder();
    mkdirSync(join(out, 'empty/full'), { recursive: true });
    writeFileSync(join(out, 'dir'), 'a file where a directory goes');
    writeFileSync(join(out, 'mine'), 'mine');
    await writeLocal(tree, out);
    expect(lstatSync(join(out, 'empty')).isFile()).toBe(true);
    expect(readFileSync(join(out, 'dir/file'), 'utf8')).toBe('text');
    expect(readFileSync(join(out, 'mine'), 'utf8')).toBe('mine');
  });

  test('follows no link that lies in the directory', async () => {
    const { tree } = sampleTree();
    const [out, canary] = [tempFolder(), tempFolder()];
    writeFileSync(join(canary, 'file'), 'untouched');
    symlinkSync(canary, join(out, 'dir'));
    symlinkSync(join(canary, 'file'), join(out, 'empty'));
    await writeLocal(tree, out);
    expect(readdirSync(canary)).toEqual(['file']);
    expect(readFileSync(join(canary, 'file'), 'utf8')).toBe('untouched');
    expect(lstatSync(join(out, 'dir')).isDirectory()).toBe(true);
  });

  test('keeps a link of the tree a link, whatever it points at', async () => {
    const root = tempFolder();
    symlinkSync('/etc', join(root, 'absolute'));
    const out = tempFolder();
    await writeLocal(directoryTree(root), out);
    expect(readlinkSync(join(out, 'absolute'))).toBe('/etc');
  });
});

describe('writeTar()', () => {
  test('writes what GNU tar unpacks to the same tree', async () => {
    const { root, tree } = sampleTree();
    const [archive, out] = [join(tempFolder(), 'out.tar'), tempFolder()];
    await writeTar(tree, archive);
    execFileSync('tar', ['xpf', archive, '-C', out]);
    execFileSync('rm', [join(root, 'pipe')]);
    expect(lstatSync(join(out, 'pipe')).isFIFO()).toBe(true);
    execFileSync('rm', [join(out, 'pipe')]);
    execFileSync('diff', ['-r', '--no-dereference', root, out]);
    expect(statSync(join(out, 'dir/file')).nlink).toBe(2);
    expect(lstatSync(join(out, 'dir/file'), { bigint: true }).mtimeNs).toBe(1580702706123456789n);
    expect(tarList(archive)).toEqual([
      'bytes-\\377\\376',
      'dir/',
      'dir/deep/',
      'dir/deep/back',
      'dir/deep/big',
      'dir/deep/twin',
      'dir/file',
      'empty',
      'pipe',
    ]);
  });

  test('leaves no file behind when it is stopped', async () => {
    const { tree } = sampleTree();
    const folder = tempFolder();
    const options = { signal: AbortSignal.abort() };
    await expect(writeTar(tree, join(folder, 'out.tar'), options)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
