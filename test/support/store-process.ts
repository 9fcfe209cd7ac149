import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { bytePath, type DiffId, type Digest, digestOf, openStore, type Store } from '../../layers/index.ts';
import { bareLayers } from './store-parts.ts';

/** Run by tests as a process of its own: `node store-process ROLE ROOT ARGUMENT…`. */
const [role = '', root = '', ...args] = process.argv.slice(2);
const roles: Readonly<Record<string, (store: Store) => void | Promise<void>>> = {
  writeBlobs,
  ingestForever,
  recordForever,
  useAndLoseBlobs,
  holdBlob,
  takeTurns,
  collectForever,
  commitForever,
  unpackTogether,
};

function say(message: unknown): void {
  process.send!(message);
}

/** Bytes that any process can make again; some kilobytes, so that writing takes several calls. */
function sample(seed: string): Buffer {
  return Buffer.from(createHash('sha256').update(seed).digest('hex').repeat(500));
}

/** Writes blobs of its own and blobs that all write, and reads them back. */
function writeBlobs(store: Store): void {
  for (let index = 0; index < 20; index++) {
    for (const seed of [`own ${args[0]} ${index}`, `common ${index}`]) {
      const bytes = sample(seed);
      const ingest = store.content.ingest();
      for (let offset = 0; offset < bytes.length; offset += 4096)
        ingest.write(bytes.subarray(offset, offset + 4096));
      const { digest } = ingest.commit();
      if (!store.content.readAll(digest).equals(bytes)) throw new Error(`read other bytes of ${digest}`);
    }
  }
  store.close();
}

/** Is always in the middle of a blob. */
async function ingestForever(store: Store): Promise<void> {
  const unfinished = store.content.ingest();
  unfinished.write(sample('unfinished'));
  for (let count = 0; ; count++) {
    const ingest = store.content.ingest();
    for (let part = 0; part < 50; part++) ingest.write(sample(`${count} ${part}`));
    ingest.commit();
    if (count === 3) say('busy');
    await new Promise(setImmediate);
  }
}

/** Writes the same record again and again, each time larger. */
async function recordForever(store: Store): Promise<void> {
  for (let count = 0; ; count++) {
    store.records.set('cache', 'key', { value: { count, text: 'x'.repeat(100_000) } });
    if (count === 20) say('busy');
    await new Promise(setImmediate);
  }
}

/** Finds or makes blobs in short-lived leases, and insists that what was found stays. */
async function useAndLoseBlobs(first: Store): Promise<void> {
  first.close();
  let found = 0;
  const end = Date.now() + Number(args[0]);
  while (Date.now() < end) {
    const store = openStore(root, { layers: bareLayers });
    const bytes = sample(`shared ${Math.floor(Math.random() * 10)}`);
    const digest = digestOf(bytes);
    if (store.content.info(digest) === undefined) store.content.putBytes(bytes);
    else found++;
    for (let count = 0; count < 5; count++) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      if (!store.content.readAll(digest).equals(bytes)) throw new Error('read other bytes');
    }
    store.records.set('cache', `own-${process.pid}`, { blobs: [digest], value: 1 });
    store.close();
    const again = openStore(root, { layers: bareLayers });
    if (again.records.get('cache', `own-${process.pid}`) === undefined)
      throw new Error('the record lost its blob');
    if (Math.random() < 0.5) again.records.delete('cache', `own-${process.pid}`);
    again.close();
  }
  say(found);
  process.disconnect();
}

/** Holds a blob until it is told to end. */
async function holdBlob(store: Store): Promise<void> {
  say(store.content.info(args[0] as Digest) !== undefined);
  await new Promise((resolve) => process.once('message', resolve));
  store.close();
  process.disconnect();
}

/** Enters the same section over and over; fails when it is not alone in there. */
async function takeTurns(store: Store): Promise<void> {
  const witness = `${root}.inside`;
  for (let count = 0; count < 20; count++) {
    await store.records.exclusive('cache', 'turn', async () => {
      writeFileSync(witness, '', { flag: 'wx' });
      say('in');
      await new Promise((resolve) => setTimeout(resolve, 2));
      rmSync(witness);
    });
  }
  store.close();
  process.disconnect();
}

async function collectForever(store: Store): Promise<void> {
  let blobs = 0;
  const end = Date.now() + Number(args[0]);
  while (Date.now() < end) blobs += (await store.gc()).blobs.length;
  store.close();
  say(blobs);
  process.disconnect();
}

/** With overlay layers: is always in the middle of a snapshot, and has layers behind it. */
async function commitForever(bare: Store): Promise<void> {
  bare.close();
  const { snapshots } = openStore(root);
  for (let count = 0; ; count++) {
    const snapshot = snapshots.prepare([]);
    for (let file = 0; file < 20; file++)
      snapshot
        .writer()
        .file(bytePath(`/${count}-${file}`), sample(`${file}`), { mode: 0o644, uid: 0, gid: 0 });
    snapshots.prepare([]);
    await snapshot.commit().diff;
    if (count === 3) say('busy');
    await new Promise(setImmediate);
  }
}

/** With overlay layers: unpacks the layer in a file (tar) that others unpack at the same time. */
async function unpackTogether(bare: Store): Promise<void> {
  bare.close();
  const store = openStore(root);
  const bytes = readFileSync(args[0]!);
  const digest = digestOf(bytes);
  const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: bytes.length };
  const layer = await store.unpack(descriptor, digest as string as DiffId, Readable.from([bytes]));
  if (!existsSync(`${layer.directory()}/etc/motd`)) throw new Error('the layer is not whole');
  store.close();
  process.disconnect();
}

void roles[role]!(openStore(root, { layers: bareLayers }));
