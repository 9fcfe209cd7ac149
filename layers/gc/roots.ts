import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { readImages } from '../images/local-images.ts';
import { type LayerBlob, readLayerBlob } from '../layer-blob.ts';
import type { Layout } from '../layout.ts';
import { ifPresent } from '../linux/if-present.ts';
import { algorithmOf, type DiffId, type Digest, parseDigest } from '../oci/digest.ts';
import type { StoreRecord } from '../store.ts';
import { LEASE_ID } from './reclaim.ts';

/** What must stay, as digests. */
export interface Marks {
  readonly blobs: ReadonlySet<string>;
  readonly layers: ReadonlySet<string>;
}

interface MutableMarks extends Marks {
  readonly blobs: Set<string>;
  readonly layers: Set<string>;
}

/** What a document refers to. */
interface Links {
  readonly blobs: readonly Digest[];
  readonly layers: readonly DiffId[];
}

const NONE: Links = { blobs: [], layers: [] };
/** Larger ones are no manifests, indexes or configurations: the parsers refuse them too. */
const MAX_DOCUMENT = 8 << 20;

/**
 * Follows references from roots through indexes, manifests and configurations. Documents never change, so what they
 * refer to is remembered: a marking before the lock is taken makes the one under the lock short.
 */
export class Marker {
  readonly #layout: Layout;
  readonly #links = new Map<string, Links>();
  readonly #blobs = new Map<string, LayerBlob | 'unknown'>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** `held`: lines that a lease of this process has not in its file. */
  mark(records: Iterable<StoreRecord>, held: readonly string[] = []): Marks {
    const marks = { blobs: new Set<string>(), layers: new Set<string>() };
    for (const { kind, digest } of [...leased(this.#layout), ...parseLines(held)]) {
      if (kind === 'layer') this.#layer(marks, digest as DiffId);
      else this.#blob(marks, digest as Digest);
    }
    for (const { target } of readImages(this.#layout)) this.#blob(marks, target.digest);
    for (const { layers = [], blobs = [] } of records) {
      for (const diffId of layers) this.#layer(marks, diffId);
      for (const digest of blobs) this.#blob(marks, digest as Digest);
    }
    return marks;
  }

  #blob(marks: MutableMarks, root: Digest): void {
    const pending = [root];
    for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
      if (marks.blobs.has(digest)) continue;
      marks.blobs.add(digest);
      const links = this.#linksOf(digest);
      pending.push(...(links?.blobs ?? []));
      for (const diffId of links?.layers ?? []) this.#layer(marks, diffId);
      // The plain tar of an unpacked layer is named by the layer's own digest.
      if (links === undefined) this.#layer(marks, digest as string as DiffId);
    }
  }

  #layer(marks: MutableMarks, diffId: DiffId): void {
    if (marks.layers.has(diffId)) return;
    marks.layers.add(diffId);
    let blob = this.#blobs.get(diffId);
    if (blob === undefined) {
      blob = readLayerBlob(this.#layout, diffId);
      if (blob !== undefined) this.#blobs.set(diffId, blob);
    }
    if (blob !== undefined && blob !== 'unknown') this.#blob(marks, blob.digest);
  }

  /** Undefined when the blob is not stored. */
  #linksOf(digest: Digest): Links | undefined {
    const path = this.#layout.blob(digest);
    const known = this.#links.get(digest);
    if (known !== undefined) return existsSync(path) ? known : undefined;
    const links = readLinks(path);
    if (links !== undefined) this.#links.set(digest, links);
    return links;
  }
}

/** The lines of every lease. Those of dead processes have been reclaimed before. */
function* leased(layout: Layout): Generator<{ readonly kind: string; readonly digest: string }> {
  for (const id of readdirSync(layout.leases)) {
    if (!LEASE_ID.test(id)) continue;
    const text = ifPresent(() => readFileSync(`${layout.leases}/${id}`, 'utf8'));
    yield* parseLines(text?.split('\n') ?? []);
  }
}

function* parseLines(
  lines: readonly string[],
): Generator<{ readonly kind: string; readonly digest: string }> {
  for (const line of lines) {
    const match = /^(blob|layer) (sha(?:256|512):[0-9a-f]+)\n?$/.exec(line);
    if (match !== null) yield { kind: match[1]!, digest: match[2]! };
  }
}

/**
 * Goes by the shape alone and keeps more rather than less, since a root need not tell its media type; what is strict
 * about manifests is in oci/manifest.ts.
 */
function readLinks(path: string): Links | undefined {
  const fd = ifPresent(() => openSync(path, 'r'));
  if (fd === undefined) return undefined;
  try {
    if (fstatSync(fd).size > MAX_DOCUMENT || !startsLikeDocument(fd)) return NONE;
    return linksIn(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) return NONE;
    throw error;
  } finally {
    closeSync(fd);
  }
}

function startsLikeDocument(fd: number): boolean {
  const start = Buffer.alloc(16);
  return start
    .toString('latin1', 0, readSync(fd, start, 0, start.length, 0))
    .trimStart()
    .startsWith('{');
}

function linksIn(document: unknown): Links {
  const { manifests, layers, config, rootfs } = Object(document);
  const blobs = [...listOf(manifests), ...listOf(layers), config].map((value) => Object(value).digest);
  const diffIds = listOf(Object(rootfs).diff_ids);
  return { blobs: blobs.filter(isDigest), layers: diffIds.filter(isDigest) as string[] as DiffId[] };
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isDigest(value: unknown): value is Digest {
  try {
    return algorithmOf(parseDigest(value)) !== undefined;
  } catch {
    return false;
  }
}
