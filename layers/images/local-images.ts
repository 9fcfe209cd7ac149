import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { StoreError } from '../errors.ts';
import type { FileLease } from '../gc/lease.ts';
import type { Layout } from '../layout.ts';
import { createHash } from '../linux/hash.ts';
import { ifPresent } from '../linux/if-present.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { parseDigest } from '../oci/digest.ts';
import { isoTime } from '../oci/iso-time.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import { formatReference, parseReference } from './reference.ts';

/** What `sha256:…` as a name comes to: Docker refuses it, too. */
const LIKE_DIGEST = /^docker\.io\/library\/sha(256|512)[:@]/;
const BARE_DIGEST = /^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$/;

/** Image names as files of the store's directory: docs/store-layout.md, "images". */
export class LocalImageStore implements ImageStore {
  readonly #layout: Layout;
  readonly #lease: FileLease;

  constructor(layout: Layout, lease: FileLease) {
    this.#layout = layout;
    this.#lease = lease;
  }

  get(name: string): ImageRecord | undefined {
    return this.#lease.shared(() => {
      const record = this.#read(fileOf(name));
      if (record !== undefined) {
        const { digest } = record.target;
        this.#lease.hold('blob', digest, () => existsSync(this.#layout.blob(digest)));
      }
      return record;
    });
  }

  set(name: string, target: Descriptor): ImageRecord {
    assertNormalised(name);
    parseDigest(target.digest);
    const { mediaType, digest, size } = target;
    const before = this.#read(fileOf(name));
    if (before !== undefined && isSame(before.target, target)) return before;
    const record = { name, target: { mediaType, digest, size }, updatedAt: isoTime() };
    const temporary = this.#lease.ingestPath();
    writeFileSync(temporary, JSON.stringify(record), { mode: 0o600, flag: 'wx' });
    this.#lease.shared(() => renameSync(temporary, this.#path(fileOf(name))));
    return record;
  }

  delete(name: string): boolean {
    const path = this.#path(fileOf(name));
    return this.#lease.shared(() => {
      const isThere = existsSync(path);
      rmSync(path, { force: true });
      return isThere;
    });
  }

  list(): readonly ImageRecord[] {
    return readImages(this.#layout);
  }

  #path(file: string): string {
    return `${this.#layout.images}/${file}`;
  }

  #read(file: string): ImageRecord | undefined {
    return readImage(this.#layout, file);
  }
}

const FILE = /^[0-9a-f]{64}\.json$/;

/** Every readable image record, sorted by name. */
export function readImages(layout: Layout): ImageRecord[] {
  const records: ImageRecord[] = [];
  for (const file of readdirSync(layout.images)) {
    if (!FILE.test(file)) continue;
    const record = readImage(layout, file);
    if (record !== undefined) records.push(record);
  }
  return records.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readImage(layout: Layout, file: string): ImageRecord | undefined {
  const text = ifPresent(() => readFileSync(`${layout.images}/${file}`, 'utf8'));
  if (text === undefined) return undefined;
  try {
    const { name, target, updatedAt } = JSON.parse(text) as ImageRecord;
    if (typeof name !== 'string' || fileOf(name) !== file) return undefined;
    const { mediaType, size } = target;
    return { name, target: { mediaType, digest: parseDigest(target.digest), size }, updatedAt };
  } catch {
    return undefined; // Cut short by a loss of power: as good as absent.
  }
}

/** Names can be longer than a file name may be, and hold slashes: their hash names the file. */
function fileOf(name: string): string {
  return `${createHash('sha256').update(name).digest('hex')}.json`;
}

function isSame(a: Descriptor, b: Descriptor): boolean {
  return a.digest === b.digest && a.mediaType === b.mediaType && a.size === b.size;
}

function assertNormalised(name: string): void {
  if (BARE_DIGEST.test(name)) return;
  const normalised = formatReference(parseReference(name));
  if (LIKE_DIGEST.test(name)) {
    const message = `Cannot name an image "${name.replace(/^.*\//, '')}": it would be taken for a digest`;
    throw new StoreError('INVALID_REFERENCE', name, message);
  }
  if (normalised === name) return;
  const message = `Image name "${name}" is not in its normal form, which is "${normalised}"`;
  throw new StoreError('INVALID_REFERENCE', name, message);
}
