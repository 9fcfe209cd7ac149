import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { StoreError } from './errors.ts';
import { type Layout, storeLayout } from './layout.ts';
import { ifPresent } from './linux/if-present.ts';
import { makeDirectories } from './linux/make-directories.ts';
import { randomBytes } from './linux/random.ts';

/** Version of docs/store-layout.md. */
const FORMAT = 1;
const VERSION = /^tsbuild store ([1-9][0-9]{0,8})\n$/;

const DIRECTORIES = ['blobs', 'layers', 'images', 'records', 'leases', 'active', 'ingest', 'locks', 'trash'];
const NESTED = ['blobs/sha256', 'blobs/sha512', 'layers/sha256'];
/** What may be in a store whose making was cut short, or on a fresh volume. */
const EXPECTED = new Set([...DIRECTORIES, 'lost+found']);
const UNFINISHED_VERSION = /^version\.[0-9a-f]+$/;

/**
 * The layout of the store in a directory, which is made where there is none yet. Throws `UNSUPPORTED` for a directory
 * that is no store, belongs to somebody else, or has a format this version does not know.
 */
export function openRoot(root: string): Layout {
  const layout = storeLayout(root);
  const version = readVersion(layout);
  if (version === undefined) makeDirectories(root, 0o700);
  else assertKnown(root, version);
  assertOurs(root);
  // Nothing is changed before it is certain that the directory is, or may become, a store: it could be `/tmp`.
  if (version === undefined) assertFree(layout);
  closeToOthers(root);
  if (version === undefined) {
    fill(layout);
    assertKnown(root, readVersion(layout) ?? '');
  }
  return layout;
}

function readVersion(layout: Layout): string | undefined {
  return ifPresent(() => readFileSync(layout.version, 'utf8'));
}

function assertKnown(root: string, text: string): void {
  const version = VERSION.exec(text)?.[1];
  if (version === undefined)
    throw new StoreError('UNSUPPORTED', root, `Cannot open "${root}": its file "version" is not a store's`);
  if (Number(version) === FORMAT) return;
  const advice = Number(version) > FORMAT ? 'use a newer version of this program' : 'use another directory';
  const message = `Cannot open store "${root}": it has format ${version}, and only ${FORMAT} is known; ${advice}`;
  throw new StoreError('UNSUPPORTED', root, message);
}

function assertOurs(root: string): void {
  const { uid } = statSync(root);
  const user = process.geteuid?.() ?? uid;
  if (uid === user) return;
  const message = `Cannot open store "${root}": it belongs to user ${uid}, and this is user ${user}`;
  throw new StoreError('UNSUPPORTED', root, message);
}

/** Layers hold setuid files and device nodes, which nobody else may reach. */
function closeToOthers(root: string): void {
  if ((statSync(root).mode & 0o077) !== 0) chmodSync(root, 0o700);
}

function assertFree({ root }: Layout): void {
  const names = readdirSync(root);
  if (names.includes('version')) return; // Another process was quicker.
  const foreign = names.find((name) => !EXPECTED.has(name) && !UNFINISHED_VERSION.test(name));
  if (foreign === undefined) return;
  const message = `Cannot use "${root}" as a store: it already holds other files ("${foreign}")`;
  throw new StoreError('UNSUPPORTED', root, message);
}

function fill(layout: Layout): void {
  const { root } = layout;
  if (readVersion(layout) !== undefined) return; // Another process was quicker.
  for (const name of [...DIRECTORIES, ...NESTED])
    mkdirSync(`${root}/${name}`, { recursive: true, mode: 0o700 });
  // Last, and whole: whoever sees it finds everything else.
  const temporary = `${layout.version}.${randomBytes(8).toString('hex')}`;
  writeFileSync(temporary, `tsbuild store ${FORMAT}\n`, { mode: 0o600 });
  renameSync(temporary, layout.version);
}
