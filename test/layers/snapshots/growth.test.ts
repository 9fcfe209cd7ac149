import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { BatchPool } from '../../../layers/diff/batch-pool.ts';
import { followHere, hashLayerSync } from '../../../layers/diff/hash-layer.ts';
import type { LayerOptions } from '../../../layers/diff/layer-tar.ts';
import { LEAVE } from '../../../layers/diff/layer-walk.ts';
import type { StepBatch } from '../../../layers/diff/step-batch.ts';
import { overlaySnapshotter } from '../../../layers/snapshots/overlay.ts';
import type { Layer } from '../../../layers/snapshots/snapshotter.ts';
import type { TreeWriter } from '../../../layers/snapshots/tree-writer.ts';
import { fakeLease } from '../../support/fake-lease.ts';
import { turn, writeAnything, writeLarge } from '../../support/random-layer.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const FILE = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_234_567_890_123_456_789n } as const;
const DIRECTORY = { ...FILE, mode: 0o755 } as const;
const TEXT = Buffer.from('text');

/** A store's snapshots, whose layers are hashed in this thread, and how often that was done while they were written. */
function snapshots({ isLate = false } = {}) {
  const count = { hashed: 0, contents: 0, reread: 0, batches: 0 };
  const store = overlaySnapshotter({
    root: tempFolder(),
    lease: fakeLease(),
    hash: async (directory, options = {}) => {
      count.hashed++;
      return hashLayerSync(directory, options)!;
    },
    follow: async (directory: string, options?: LayerOptions) => {
      const layer = followHere(directory, options);
      const waiting: StepBatch[] = [];
      const grow = (batch: StepBatch) => {
        for (const step of batch.steps()) {
          if (typeof step === 'object' && 'file' in step) count.contents++;
          else if (typeof step === 'string' && step !== LEAVE) count.reread++;
        }
        layer.grow(batch);
      };
      return {
        writes: false,
        ended: undefined,
        grow: (batch) => {
          count.batches++;
          if (isLate) waiting.push(batch);
          else grow(batch);
        },
        finish: async () => {
          for (const batch of waiting.splice(0)) grow(batch);
          return layer.finish();
        },
        drop: layer.drop,
      };
    },
  });
  onTestFinished(() => store.close());
  return { store, count };
}

/** Writes a layer and checks what was found while it was written against what it is in the end. */
async function write(
  { store, count }: ReturnType<typeof snapshots>,
  parents: readonly Layer[],
  body: (writer: TreeWriter) => void | Promise<void>,
): Promise<{ readonly layer: Layer; readonly isFollowed: boolean }> {
  const before = count.hashed;
  const snapshot = store.prepare(parents);
  const writer = snapshot.writer();
  await body(writer);
  const layer = snapshot.commit();
  const { diffId, size } = await layer.diff;
  const whole = hashLayerSync(layer.directory(), { overlayXattrs: store.space })!;
  expect({ diffId, size }).toEqual({ diffId: whole.diffId, size: whole.size });
  return { layer, isFollowed: count.hashed === before };
}

test('a layer that is written in the order of its tar is hashed meanwhile', async () => {
  const host = snapshots();
  const { isFollowed } = await write(host, [], async (writer) => {
    writer.mkdir('/a', { ...DIRECTORY, mtimeNs: 7n });
    writeLarge(writer, '/a/0');
    await turn();
    writer.mkdir('/a/b', { ...DIRECTORY, xattrs: [['user.x', TEXT]] });
    writer.mkdir('/a/b/empty', DIRECTORY);
    writer.symlink('/a/b/link', 'target', FILE);
    writer.file('/a/b/text', TEXT, FILE);
    writer.file('/a/b.c', TEXT, FILE);
    writer.mknod('/fifo', { type: 'fifo', major: 0, minor: 0 }, FILE);
    writer.mkdir('/last', DIRECTORY);
  });
  expect(isFollowed).toBe(true);
  expect(host.count.hashed).toBe(0);
});

test.each([20_000_000_000n, 99_999_999_999n, -99_999_999_999n])(
  'a directory and a file of second %s are told with the times that the filesystem made of theirs',
  async (seconds) => {
    const mtimeNs = seconds * 1_000_000_000n + 5n;
    const { isFollowed } = await write(snapshots(), [], (writer) => {
      writer.mkdir('/e', { ...DIRECTORY, mtimeNs });
      writer.file('/e/file', TEXT, { ...FILE, mtimeNs });
    });
    expect(isFollowed).toBe(true);
  },
);

test('so is one below directories of lower layers, and one that replaces what they have', async () => {
  const host = snapshots();
  const base = await write(host, [], (writer) => {
    writer.mkdir('/app', { ...DIRECTORY, uid: 5 });
    writer.mkdir('/app/deep', { ...DIRECTORY, mode: 0o700 });
    writer.file('/app/file', TEXT, FILE);
    writer.symlink('/app/link', '/', FILE);
  });
  const { isFollowed } = await write(host, [base.layer], async (writer) => {
    writeLarge(writer, '/app/deep/file');
    await turn();
    writer.file('/app/file', Buffer.from('other'), FILE);
    writer.symlink('/app/link', 'elsewhere', FILE);
  });
  expect(isFollowed).toBe(true);
});

const changes: Readonly<Record<string, (writer: TreeWriter) => void>> = {
  'a name before the last one': (writer) => writer.file('/dir/0', TEXT, FILE),
  'the same name again': (writer) => writer.file('/dir/file', TEXT, FILE),
  'a return to a directory that was left': (writer) => {
    writer.file('/e', TEXT, FILE);
    writer.file('/dir/z', TEXT, FILE);
  },
  'other metadata of a directory': (writer) => writer.setAttributes('/dir', { mode: 0o700 }),
  'another time of a directory': (writer) => writer.setAttributes('/dir', { mtimeNs: 5n }),
  'other metadata of a file': (writer) => writer.setAttributes('/dir/file', { uid: 5 }),
  'a second name of a file': (writer) => writer.link('/dir/z', '/dir/file'),
  'a removal': (writer) => writer.remove('/dir/file'),
  'a whiteout': (writer) => writer.remove('/below'),
  'a change of what lower layers have': (writer) => writer.setAttributes('/below', { uid: 5 }),
  'a directory in place of a file that fails': (writer) => {
    expect(() => writer.mkdir('/dir/file', DIRECTORY)).toThrow();
  },
  'a file after the end': (writer) => {
    writer.finish();
    writer.file('/z', TEXT, FILE);
  },
  'a directory after the end': (writer) => {
    writer.finish();
    writer.mkdir('/z', DIRECTORY);
  },
  'metadata after the end': (writer) => {
    writer.finish();
    writer.setAttributes('/', { mode: 0o700 });
    writer.setAttributes('/dir', { mode: 0o700 });
  },
};

test.each(Object.entries(changes))('%s has the layer hashed when it is finished', async (_name, change) => {
  const host = snapshots();
  const base = await write(host, [], (writer) => writer.file('/below', TEXT, FILE));
  const { isFollowed } = await write(host, [base.layer], async (writer) => {
    writer.mkdir('/dir', DIRECTORY);
    writer.file('/dir/file', TEXT, FILE);
    writeLarge(writer, '/dir/large');
    await turn();
    change(writer);
  });
  expect(isFollowed).toBe(false);
  expect(host.count.hashed).toBe(1);
});

test.each(Object.entries(changes))('so has %s a small layer', async (_name, change) => {
  const host = snapshots();
  const base = await write(host, [], (writer) => writer.file('/below', TEXT, FILE));
  const { isFollowed } = await write(host, [base.layer], (writer) => {
    writer.mkdir('/dir', DIRECTORY);
    writer.file('/dir/file', TEXT, FILE);
    change(writer);
  });
  expect([base.isFollowed, isFollowed]).toEqual([true, false]);
});

test('a small layer that a process may have changed is hashed when it is finished', async () => {
  const { store, count } = snapshots();
  const snapshot = store.prepare([]);
  snapshot.writer().file('/file', TEXT, FILE);
  writeFileSync(join(snapshot.root().upper!, 'file'), 'other');
  const layer = snapshot.commit();
  const { diffId } = await layer.diff;
  expect(diffId).toBe(hashLayerSync(layer.directory(), { overlayXattrs: store.space })!.diffId);
  expect(count.hashed).toBe(1);
});

test('times that are clamped at the end have the layer hashed then', async () => {
  const { store, count } = snapshots();
  const snapshot = store.prepare([]);
  writeLarge(snapshot.writer(), '/large');
  await turn();
  const layer = snapshot.commit({ newestNs: 1n });
  const { diffId } = await layer.diff;
  expect(diffId).toBe(hashLayerSync(layer.directory(), { overlayXattrs: store.space })!.diffId);
  expect(count.hashed).toBe(1);
});

test('a snapshot that is thrown away leaves no descriptor open', async () => {
  const { store } = snapshots();
  const before = openDescriptors();
  const snapshot = store.prepare([]);
  const writer = snapshot.writer();
  writer.mkdir('/dir', DIRECTORY);
  writeLarge(writer, '/dir/large');
  await turn();
  expect(openDescriptors()).toBeGreaterThan(before);
  snapshot.abort();
  store.close();
  expect(openDescriptors()).toBe(before);
});

const openDescriptors = () => readdirSync('/proc/self/fd').length;

test('small files are not read again, all others are', async () => {
  const host = snapshots();
  const { isFollowed } = await write(host, [], async (writer) => {
    writeLarge(writer, '/0');
    await turn();
    writer.file('/1', TEXT, FILE);
    copied(writer, '/2', 64 * 1024);
    copied(writer, '/3', 64 * 1024 + 1);
    writer.file('/4', TEXT, { ...FILE, xattrs: [['user.x', TEXT]] });
    writer.file('/5', TEXT, { mode: 0o644, uid: 0, gid: 0 });
    writer.symlink('/6', 'x', FILE);
    copied(writer, '/7', 0);
  });
  expect(isFollowed).toBe(true);
  expect(host.count).toMatchObject({ contents: 3, reread: 5 });
});

test('the hash is of what was written of a file that has become shorter or longer', async () => {
  const { isFollowed } = await write(snapshots(), [], async (writer) => {
    writeLarge(writer, '/0');
    await turn();
    copied(writer, '/1-shorter', 1000, 600);
    copied(writer, '/2-gone', 1000, 0);
    copied(writer, '/3-longer', 1000, 1700);
    writer.file('/z', TEXT, FILE);
  });
  expect(isFollowed).toBe(true);
});

test('where files of a directory get attributes of their own, they are read again', async () => {
  const host = snapshots();
  const acl = Buffer.from('0200000001000700ffffffff04000500ffffffff20000400ffffffff', 'hex');
  const { isFollowed } = await write(host, [], async (writer) => {
    writeLarge(writer, '/0');
    await turn();
    writer.mkdir('/acl', { ...DIRECTORY, xattrs: [['system.posix_acl_default', acl]] });
    writer.file('/acl/file', TEXT, FILE);
    writer.file('/z', TEXT, FILE);
  });
  expect(isFollowed).toBe(true);
  expect(host.count).toMatchObject({ contents: 1, reread: 2 });
});

test('memory is bounded when whoever hashes is late: contents beyond it are read again', async () => {
  const host = snapshots({ isLate: true });
  const { isFollowed } = await write(host, [], async (writer) => {
    writeLarge(writer, '/0');
    await turn();
    const content = Buffer.alloc(64 * 1024);
    for (let i = 0; i < 20 * BatchPool.MOST; i++) writer.file(`/${1000 + i}`, content, FILE);
  });
  expect(isFollowed).toBe(true);
  const { contents, reread, batches } = host.count;
  expect(contents).toBeGreaterThan(10 * BatchPool.MOST);
  expect(contents).toBeLessThan(16 * BatchPool.MOST);
  expect(contents + reread).toBe(20 * BatchPool.MOST + 1);
  // Not one for each file that is read again.
  expect(batches).toBeLessThan(BatchPool.MOST + 10);
});

/** A file of which `size` bytes are asked for. */
function copied(writer: TreeWriter, path: string, size: number, actual = size, attributes = FILE): void {
  const file = join(tempFolder(), 'file');
  writeFileSync(file, Buffer.alloc(actual, path));
  const fd = openSync(file, 'r');
  writer.file(path, { fd, size }, attributes);
  closeSync(fd);
}

test('whatever is written in whatever order has the hash of what is there', async () => {
  const followed: boolean[] = [];
  for (let seed = 1; seed <= 16; seed++) {
    const random = seededRandom(seed);
    const host = snapshots();
    const first = await write(host, [], (writer) => writeAnything(writer, random));
    const second = await write(host, [first.layer], (writer) => writeAnything(writer, random));
    followed.push(first.isFollowed, second.isFollowed);
  }
  expect(new Set(followed)).toEqual(new Set([true, false]));
});
