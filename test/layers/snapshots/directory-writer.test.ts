import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { directoryWriter } from '../../../layers/snapshots/directory-writer.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const FILE = { mode: 0o640, uid: 7, gid: 8, mtimeNs: 1_000_000_001n } as const;
const DIRECTORY = { ...FILE, mode: 0o750 } as const;

let folder: string;
let root: string;

beforeEach(() => {
  folder = tempFolder();
  root = join(folder, 'root');
  mkdirSync(join(root, 'real'), { recursive: true });
  mkdirSync(join(folder, 'canary'));
  writeFileSync(join(folder, 'canary/secret'), 'secret');
  symlinkSync('../../../canary', join(root, 'escape'));
  symlinkSync(join(folder, 'canary'), join(root, 'absolute'));
});

function open(directory = root) {
  const writer = directoryWriter(directory);
  onTestFinished(() => writer.close());
  return writer;
}

describe('directoryWriter()', () => {
  test('writes one of everything, with its attributes', () => {
    const writer = open();
    writer.mkdirAll('/new/deep', DIRECTORY);
    writer.file('/new/deep/file', Buffer.from('text'), { ...FILE, mode: 0o4755 });
    writer.symlink('/new/link', 'deep/file', FILE);
    writer.link('/new/twin', '/new/deep/file');
    writer.mknod('/new/pipe', { type: 'fifo', major: 0, minor: 0 }, FILE);
    writer.mkdir('/new/deep', { ...DIRECTORY, mode: 0o700 });
    writer.finish();
    expect(readFileSync(join(root, 'new/link'), 'utf8')).toBe('text');
    expect(statSync(join(root, 'new/twin'))).toMatchObject({ nlink: 2, mode: 0o104755, uid: 7, gid: 8 });
    expect(lstatSync(join(root, 'new/pipe')).isFIFO()).toBe(true);
    const { mode, mtimeMs } = statSync(join(root, 'new/deep'));
    expect([mode & 0o7777, Math.floor(mtimeMs)]).toEqual([0o700, 1000]);
  });

  test('file() replaces what is there at one instant, and leaves no other name', () => {
    const writer = open();
    writeFileSync(join(root, 'real/file'), 'old');
    symlinkSync('file', join(root, 'real/link'));
    writer.file('/real/file', Buffer.from('new'), FILE);
    writer.file('/real/link', Buffer.from('instead of a link'), FILE);
    expect(readFileSync(join(root, 'real/file'), 'utf8')).toBe('new');
    expect(readdirSync(join(root, 'real')).sort()).toEqual(['file', 'link']);
    expect(lstatSync(join(root, 'real/link')).isFile()).toBe(true);
  });

  test('refuses a file where a directory is, and a directory where a file is', () => {
    const writer = open();
    writeFileSync(join(root, 'file'), '');
    expect(() => writer.file('/real', Buffer.from(''), FILE)).toThrow(
      expect.objectContaining({ code: 'IS_A_DIRECTORY' }),
    );
    expect(() => writer.mkdir('/file', DIRECTORY)).toThrow(
      expect.objectContaining({ code: 'NOT_A_DIRECTORY' }),
    );
    expect(() => writer.file('/missing/file', Buffer.from(''), FILE)).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND' }),
    );
    expect(readdirSync(root).sort()).toEqual(['absolute', 'escape', 'file', 'real']);
  });

  test('symlinks lead no further than the directory', () => {
    const writer = open();
    for (const name of ['escape', 'absolute']) {
      expect(() => writer.file(`/${name}/secret`, Buffer.from('overwritten'), FILE)).toThrow();
      expect(() => writer.remove(`/${name}/secret`)).toThrow();
    }
    // What a link names is made inside.
    writer.mkdirAll('/escape/new', DIRECTORY);
    expect(readdirSync(join(root, 'canary'))).toEqual(['new']);
    expect(readdirSync(join(folder, 'canary'))).toEqual(['secret']);
    expect(readFileSync(join(folder, 'canary/secret'), 'utf8')).toBe('secret');
  });

  test('remove() takes a symlink away, and not what it means', () => {
    const writer = open();
    writer.remove('/absolute');
    writer.remove('/real');
    writer.remove('/missing');
    expect(readdirSync(root)).toEqual(['escape']);
    expect(readdirSync(join(folder, 'canary'))).toEqual(['secret']);
  });

  test('setAttributes() changes what is given, and keeps the rest', () => {
    const writer = open();
    writer.file('/real/file', Buffer.from('text'), FILE);
    utimesSync(join(root, 'real'), 5, 5);
    writer.setAttributes('/real/file', { mode: 0o600 });
    writer.setAttributes('/real', { uid: 9 });
    writer.setAttributes('/', { mode: 0o711 });
    writer.finish();
    expect(statSync(join(root, 'real/file'))).toMatchObject({ uid: 7, mode: 0o100600 });
    expect(statSync(join(root, 'real'))).toMatchObject({ uid: 9, mtimeMs: 5000 });
    expect(statSync(root).mode & 0o777).toBe(0o711);
  });

  test('whoever swaps directories for symlinks gets nothing outside written or removed', {
    timeout: 60_000,
  }, async () => {
    const flipper = await startFlipper(root, join(folder, 'canary'));
    const writer = open();
    let [refused, done] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      try {
        writer.file('/flip/secret', Buffer.from('overwritten'), FILE);
        writer.mkdir('/flip/made', DIRECTORY);
        writer.setAttributes('/flip/secret', { mode: 0o777 });
        writer.remove('/flip/secret');
        writer.finish();
        done++;
      } catch {
        refused++;
      }
    }
    flipper.kill('SIGKILL');
    await once(flipper, 'exit');
    expect(readdirSync(join(folder, 'canary'))).toEqual(['secret']);
    expect(readFileSync(join(folder, 'canary/secret'), 'utf8')).toBe('secret');
    expect(statSync(join(folder, 'canary/secret')).mode & 0o777).toBe(0o644);
    // Else nothing was raced.
    expect(done).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });
});

const rounds = process.env.RACE_ROUNDS === undefined ? 3000 : Number(process.env.RACE_ROUNDS);

/** A process that makes `root/flip` a directory and a symlink to `target` in turn, without an end. */
async function startFlipper(directory: string, target: string) {
  const aside = mkdtempSync(join(directory, 'aside-'));
  mkdirSync(join(directory, 'flip'));
  symlinkSync(target, join(aside, 'flip'));
  const script = `import ctypes, sys
libc = ctypes.CDLL(None)
libc.prctl(1, 9) # PR_SET_PDEATHSIG: not to outlive the test
a, b = (p.encode() for p in sys.argv[1:3])
print('on', flush=True)
while True: libc.renameat2(-100, a, -100, b, 2)`;
  const child = spawn('python3', ['-c', script, join(directory, 'flip'), join(aside, 'flip')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}
