import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { hashLayerSync } from '../../../layers/diff/hash-layer.ts';
import { followInWorker, type LayerFollower } from '../../../layers/diff/hash-pool.ts';
import type { StepBatch } from '../../../layers/diff/step-batch.ts';
import { overlaySnapshotter } from '../../../layers/snapshots/overlay.ts';
import { StepQueue } from '../../../layers/snapshots/step-queue.ts';
import type { TreeWriter } from '../../../layers/snapshots/tree-writer.ts';
import { diffWorker, endingWorker } from '../../support/diff-worker.ts';
import { fakeLease } from '../../support/fake-lease.ts';
import { turn, writeAnything, writeLarge } from '../../support/random-layer.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { lastingFolder, tempFolder } from '../../support/temp-folder.ts';

const FILE = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_234_567_890_123_456_789n } as const;
const TEXT = Buffer.from('text');

const folder = lastingFolder();
let worker: string;
beforeAll(async () => {
  worker = await diffWorker(folder.path);
});
afterAll(() => folder.remove());

type Start = (directory: string) => LayerFollower | undefined;

/** A store whose layers are hashed by a thread, or by none, and how many files that thread had to write. */
function snapshots(
  hasThread = true,
  start: Start = (directory) => followInWorker(worker, { directory, options: {} }),
) {
  const root = tempFolder();
  const count = { left: 0 };
  const follow = async (directory: string): Promise<LayerFollower | undefined> => {
    const follower = hasThread ? start(directory) : undefined;
    if (follower === undefined) return undefined;
    const grow = (batch: StepBatch) => {
      for (const step of batch.steps()) if (typeof step === 'object' && 'made' in step) count.left++;
      follower.grow(batch);
    };
    return {
      ...follower,
      grow,
      get ended() {
        return follower.ended;
      },
    };
  };
  const hash = async (directory: string, options = {}) => hashLayerSync(directory, options)!;
  const store = overlaySnapshotter({ root, lease: fakeLease(), follow, hash });
  onTestFinished(() => store.close());
  return { store, count, root };
}

/** A snapshot with files in `/d`, all but the first of which are left to the thread; and its upper directory. */
async function begun({ store, root }: ReturnType<typeof snapshots>, files = 20) {
  const snapshot = store.prepare([]);
  const writer = snapshot.writer();
  writeLarge(writer, '/a');
  await turn();
  writer.mkdir('/d', { ...FILE, mode: 0o755 });
  for (let file = 0; file < files; file++) writer.file(`/d/${1000 + file}`, TEXT, FILE);
  return { snapshot, writer, upper: join(root, 'active', readdirSync(join(root, 'active'))[0]!, 'fs') };
}

test('small files are left to the thread that hashes, and are there at the end with all that they are', async () => {
  const host = snapshots();
  const { snapshot, upper } = await begun(host);
  expect(readdirSync(join(upper, 'd'))).toEqual(['1000']);
  const layer = snapshot.commit();
  expect(readdirSync(join(layer.directory(), 'd'))).toHaveLength(20);
  const { diffId } = await layer.diff;
  expect(diffId).toBe(hashLayerSync(layer.directory(), { overlayXattrs: host.store.space })!.diffId);
  expect(host.count.left).toBe(19);
});

const looks: Readonly<Record<string, (writer: TreeWriter) => unknown>> = {
  'looked up': ({ tree }) => tree.lookup('/d/1001')?.stat.size,
  listed: ({ tree }) => tree.children(tree.lookup('/d')!).length,
  'looked for as a directory': (writer) => refused(() => writer.file('/d/1001/x', TEXT, FILE)),
  'to be a directory': (writer) => refused(() => writer.mkdir('/d/1001', FILE)),
  'written again': (writer) => writer.file('/d/1001', Buffer.from('other'), FILE),
  'replaced by a symlink': (writer) => writer.symlink('/d/1001', '1002', FILE),
  'given another owner': (writer) => writer.setAttributes('/d/1001', { uid: 5 }),
  'given a second name': (writer) => writer.link('/d/2', '/d/1001'),
  removed: (writer) => writer.remove('/d/1001'),
  'removed with its directory': (writer) => writer.remove('/d'),
  'in a directory whose group is handed on from now on': (writer) => {
    writer.setAttributes('/d', { mode: 0o2755, gid: 7 });
    writer.file('/d/2000', TEXT, FILE);
  },
  'in a root whose group is handed on from now on': (writer) => {
    writer.file('/x', TEXT, FILE);
    writer.file('/y', TEXT, FILE);
    writer.setAttributes('/', { mode: 0o2755, gid: 7 });
    writer.file('/z', TEXT, FILE);
  },
};

const refused = (act: () => void): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('it was done');
};

test.each(Object.entries(looks))('a file that was left is there when it is %s', async (_how, look) => {
  const outcomes = [];
  for (const hasThread of [true, false]) {
    const { snapshot, writer } = await begun(snapshots(hasThread));
    const seen = look(writer);
    const { diffId } = await snapshot.commit().diff;
    outcomes.push({ seen, diffId });
  }
  expect(outcomes[0]).toEqual(outcomes[1]);
});

test('what is written with the thread is what is written without it, and seen of it meanwhile', async () => {
  let left = 0;
  for (let seed = 1; seed <= 8; seed++) {
    const outcomes = [];
    for (const hasThread of [true, false]) {
      const host = snapshots(hasThread);
      const snapshot = host.store.prepare([]);
      const writer = snapshot.writer();
      const seen: unknown[] = [];
      const eyes = seededRandom(seed + 1000);
      const paths = ['/'];
      const after = (path: string) => {
        paths.push(path);
        if (eyes.chance(5)) seen.push(writer.tree.lookup(eyes.pick(paths))?.stat.type);
      };
      await writeAnything(writer, seededRandom(seed), { count: 60, isFollowed: true, after });
      const layer = snapshot.commit();
      const { diffId } = await layer.diff;
      const { diffId: whole } = hashLayerSync(layer.directory(), { overlayXattrs: host.store.space })!;
      expect(diffId).toBe(whole);
      outcomes.push({ seen, diffId });
      left += host.count.left;
    }
    expect(outcomes[0]).toEqual(outcomes[1]);
  }
  expect(left).toBeGreaterThan(0);
});

test('a file that the thread cannot write is named by the error, and nothing more is written', async () => {
  const { snapshot, writer, upper } = await begun(snapshots());
  mkdirSync(join(upper, 'd/1005'));
  const error = refused(() => writer.finish());
  expect(error).toMatchObject({
    code: 'SYSTEM',
    subject: '/d/1005',
    message: expect.stringMatching(/^Cannot write "\/d\/1005": EISDIR/),
    cause: { code: 'EISDIR' },
  });
  expect(readdirSync(join(upper, 'd'))).toHaveLength(6);
  expect(refused(() => snapshot.commit())).toEqual(error);
  snapshot.abort();
});

test('the error comes with a later file where there are many', async () => {
  const { snapshot, upper, writer } = await begun(snapshots());
  mkdirSync(join(upper, 'd/1005'));
  const more = () => {
    for (let file = 2000; ; file++) {
      writer.file(`/d/${file}`, Buffer.alloc(64 * 1024), FILE);
      if (file > 9000) throw new Error('nobody noticed');
    }
  };
  expect(refused(more)).toMatchObject({ subject: '/d/1005' });
  snapshot.abort();
});

test('a snapshot that is thrown away is not written any more, and nothing of it stays open', async () => {
  const before = openDescriptors();
  const host = snapshots();
  const { snapshot } = await begun(host, 3000);
  snapshot.abort();
  const kept = () => readdirSync(join(host.root, 'trash'), { recursive: true }).length;
  const files = kept();
  host.store.close();
  await vi.waitFor(() => expect(openDescriptors()).toBe(before));
  expect(kept()).toBe(files);
});

test('a thread that ends is noticed, and leaves a snapshot that can be thrown away', async () => {
  vi.resetModules();
  const pool = await import('../../../layers/diff/hash-pool.ts');
  const before = openDescriptors();
  const host = snapshots(true, (directory) =>
    pool.followInWorker(endingWorker(folder.path), { directory, options: {} }),
  );
  const { snapshot, writer } = await begun(host);
  expect(refused(() => writer.finish())).toMatchObject({
    code: 'SYSTEM',
    message: 'Cannot hash a layer: the worker thread ended',
  });
  snapshot.abort();
  expect(readdirSync(join(host.root, 'active'))).toEqual([]);
  host.store.close();
  await vi.waitFor(() => expect(openDescriptors()).toBe(before));
});

test('files that no layer can have are written like others, and told of when the layer is wanted', async () => {
  const { snapshot, writer, upper } = await begun(snapshots());
  writer.mkdir('/e', { ...FILE, mode: 0o755 });
  for (const name of ['.wh.x', 'x']) writer.file(`/e/${name}`, TEXT, FILE);
  writer.finish();
  expect(readdirSync(join(upper, 'e'))).toEqual(['.wh.x', 'x']);
  await expect(snapshot.commit().diff).rejects.toMatchObject({ code: 'UNSUPPORTED' });
});

/** A queue to a thread that has ended but for what the test does in its place. */
function queueToNobody() {
  const told: StepBatch[] = [];
  const queue = new StepQueue();
  queue.follow({
    writes: true,
    ended: new Error('the thread has ended'),
    grow: (batch) => told.push(batch),
    finish: () => Promise.reject(new Error('the thread has ended')),
    drop: () => {},
  });
  const leave = (name: string) => {
    queue.room(name, 1);
    queue.addFile(name, { ...FILE, size: 1 }, 0o644);
  };
  return { queue, told, leave };
}

test.each([
  ['a large one', [2 ** 30]],
  ['many others', Array.from({ length: 13 }, () => 2 ** 20)],
])('no file is left to a thread that has %s to read, until it has done so', (_what, sizes) => {
  const { queue, told } = queueToNobody();
  queue.room('a', 1);
  expect(queue.mayWait).toBe(true);
  for (const [index, size] of sizes.entries()) queue.add(`b${index}`, size);
  queue.room('c', 1);
  expect(queue.mayWait).toBe(false);
  queue.turnOver();
  queue.room('d', 1);
  expect(queue.mayWait).toBe(false);
  for (const batch of told) batch.release();
  queue.turnOver();
  queue.room('e', 1);
  expect(queue.mayWait).toBe(true);
});

test('settle() does not wait for a large file that came after those that were left', () => {
  const { queue, told, leave } = queueToNobody();
  leave('a');
  queue.add('b', 2 ** 30);
  expect(told).toHaveLength(1);
  told[0]!.release();
  queue.settle();
  expect(queue.hasUnwritten).toBe(false);
});

test('settle() that failed has not made sure of anything', () => {
  const { queue, leave } = queueToNobody();
  leave('a');
  expect(() => queue.settle()).toThrow('the thread has ended');
  expect(queue.hasUnwritten).toBe(true);
});

/** In folders of tests, by both threads. */
const openDescriptors = () =>
  readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`)?.includes('/tsbuild-test-'))
    .length;

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
