import { Readable } from 'node:stream';
import {
  type Descriptor,
  type Digest,
  MAX_CONFIG_BYTES,
  type Manifest,
  MediaType,
  parseConfigOf,
  type Reference,
  type Store,
  StoreError,
} from '../../layers/index.ts';
import type { Report } from '../progress/events.ts';
import type { RegistryOptions } from '../registry/client.ts';
import { Slots } from '../registry/concurrency.ts';
import type { Pusher } from '../registry/pusher.ts';
import { RegistryError } from '../registry/registry.ts';
import { BlobBody } from './blob-body.ts';
import { encodeLayer, foretoldEncoding, knownEncoding, type LayerForm } from './encode-layer.ts';
import type { ImageGraph } from './image-graph.ts';
import { mountSources } from './mount-sources.ts';
import { remoteLayers } from './remote-layers.ts';

/** Layers that are encoded at once: their pieces share one pool of threads, which two keep busy. */
const PARALLEL_ENCODINGS = 2;
/** Bytes of a tar that are sooner encoded than uploads are begun. */
const SMALL = 4 << 20;

export interface LayerPushOptions extends RegistryOptions {
  readonly form: LayerForm;
  readonly report?: Report;
  readonly vertex?: string;
}

/** Brings the blobs of one image into a repository, those of layers while they are being encoded. */
export class LayerPush {
  readonly #slots = new Slots(PARALLEL_ENCODINGS);
  #remote: Promise<ReadonlySet<Digest>> | undefined;
  readonly #sent = new Set<Digest>();
  /** Diff IDs, by which people are told of layers, whatever their blobs are called. */
  readonly #names = new Map<Digest, string>();
  /** The layers of blobs that the store may not have. */
  readonly #sources = new Map<Digest, Descriptor>();
  #lenders: ReadonlyMap<Digest, string> | undefined;

  constructor(
    readonly store: Store,
    readonly pusher: Pusher,
    readonly reference: Reference,
    readonly options: LayerPushOptions,
  ) {}

  /** Learns the diff IDs of an image's layers. */
  name({ platforms }: ImageGraph): void {
    for (const { manifest } of platforms) {
      const diffIds = diffIdsOf(this.store, manifest);
      for (const [index, { digest }] of manifest.layers.entries())
        this.#names.set(digest, diffIds[index] ?? digest);
    }
  }

  /**
   * Encodes a layer. A large one is sent meanwhile, unless the registry seems to have it: what its blob will be called,
   * and so whether it is there, is known only at the end.
   */
  encode(layer: Descriptor): Promise<Descriptor> {
    const { form, signal } = this.options;
    return this.#slots.run(async () => {
      const known = knownEncoding(this.store, layer, form) ?? (await this.#foretold(layer));
      if (known !== undefined) return known;
      if (await this.#isWorthStreaming(layer)) return await this.#encodeAndSend(layer);
      return await encodeLayer(this.store, layer, form, { signal });
    }, signal);
  }

  /** Brings a blob of the store there, unless it is. */
  async blob(blob: Descriptor): Promise<void> {
    if (this.#sent.has(blob.digest)) return;
    const progress = this.#progress(blob);
    await this.#provide(blob);
    const open = (offset: number) => counted(this.store.content.read(blob.digest, offset), offset, progress);
    const lender = this.#lender(blob);
    progress(0);
    const result = await this.pusher.blob(blob, open, lender);
    if (result === 'present') progress(blob.size, PRESENT);
    if (result === 'mounted') progress(blob.size, mountedFrom(lender));
    this.#sent.add(blob.digest);
  }

  /** What was sent before, if it is still there, or in a repository that lends it. */
  async #foretold(layer: Descriptor): Promise<Descriptor | undefined> {
    const blob = foretoldEncoding(this.store, layer, this.options.form);
    if (blob === undefined) return undefined;
    if (!(await this.pusher.hasBlob(blob.digest)) && !(await this.#mount(blob, layer))) return undefined;
    this.#sources.set(blob.digest, layer);
    return blob;
  }

  async #mount(blob: Descriptor, layer: Descriptor): Promise<boolean> {
    const lender = this.#lender(blob);
    if (lender === undefined || !(await this.pusher.mount(blob.digest, lender))) return false;
    this.#sent.add(blob.digest);
    this.#progress(layer)(layer.size, mountedFrom(lender));
    return true;
  }

  #lender({ digest }: Descriptor): string | undefined {
    this.#lenders ??= mountSources(this.store, this.reference, this.options.form);
    return this.#lenders.get(digest);
  }

  #progress(blob: Descriptor): Progress {
    return progressOf(blob, this.#names.get(blob.digest) ?? blob.digest, this.options);
  }

  /** Has the store have a blob that is to be sent in the way that can be taken up again. */
  async #provide({ digest }: Descriptor): Promise<void> {
    const layer = this.#sources.get(digest);
    if (layer === undefined || this.store.content.info(digest) || (await this.pusher.hasBlob(digest))) return;
    const { form, signal } = this.options;
    await encodeLayer(this.store, layer, form, { signal });
  }

  async #isWorthStreaming({ digest, size }: Descriptor): Promise<boolean> {
    if (size < SMALL) return false;
    this.#remote ??= remoteLayers(this.reference, this.options);
    return !(await this.#remote).has(digest);
  }

  async #encodeAndSend(layer: Descriptor): Promise<Descriptor> {
    const { form, signal: outer } = this.options;
    const body = new BlobBody();
    const refused = new AbortController();
    const sending = this.pusher.stream(body);
    sending.catch((error: unknown) => {
      // Whoever encodes must not wait for a reader that is gone, and need not go on for nothing.
      body.destroy();
      if (isRefusal(error)) refused.abort(error);
    });
    const signal = outer === undefined ? refused.signal : AbortSignal.any([outer, refused.signal]);
    const progress = this.#progress(layer);
    try {
      const streamed = { tap: body, keep: false, progress, signal };
      const encoded = await encodeLayer(this.store, layer, form, streamed);
      this.#sources.set(encoded.digest, layer);
      await this.#finish(encoded, sending, body);
      return encoded;
    } finally {
      body.destroy();
    }
  }

  /** What broke off is encoded once more by `blob`, which sends it in the way that can be taken up again. */
  async #finish(encoded: Descriptor, sending: ReturnType<Pusher['stream']>, body: BlobBody) {
    // Nothing was sent when another process had encoded it meanwhile.
    if (!body.isWhole) return;
    try {
      const end = await sending;
      await end(encoded.digest);
      this.#sent.add(encoded.digest);
    } catch (error) {
      if (!(error instanceof RegistryError) || isRefusal(error)) throw error;
    }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof RegistryError && ['UNAUTHORIZED', 'DENIED', 'BAD_CONFIG'].includes(error.code);
}

/** Of an attestation none. */
function diffIdsOf(store: Store, manifest: Manifest): readonly string[] {
  try {
    return parseConfigOf(manifest, store.content.readAll(manifest.config.digest, MAX_CONFIG_BYTES)).rootfs
      .diff_ids;
  } catch (error) {
    if (error instanceof StoreError) return [];
    throw error;
  }
}

const PRESENT = 'Layer already exists';

function mountedFrom(lender = ''): string {
  return `Mounted from ${lender}`;
}

const CONFIG_TYPES: ReadonlySet<string> = new Set([MediaType.ociConfig, MediaType.dockerConfig]);

type Progress = (current: number, outcome?: string) => void;

/** Tells of an upload: at its start, at every hundredth part, and when it is over. */
function progressOf(
  { size, mediaType }: Descriptor,
  name: string,
  { report, vertex = '' }: LayerPushOptions,
): Progress {
  const started = Date.now();
  let next = 0;
  return (current, outcome) => {
    // A configuration is nothing to wait for.
    if (report === undefined || CONFIG_TYPES.has(mediaType) || (current < next && current < size)) return;
    next = current + size / 100;
    report({
      kind: 'status',
      vertex,
      id: `pushing ${name}`,
      current,
      total: size,
      started,
      ...(current >= size && { completed: Date.now() }),
      ...(outcome !== undefined && { outcome }),
    });
  };
}

/** The bytes of a blob from an offset, telling how far they are read. */
function counted(bytes: Readable, offset: number, progress: Progress): Readable {
  async function* chunks() {
    let current = offset;
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      current += chunk.length;
      progress(current);
      yield chunk;
    }
  }
  return Readable.from(chunks(), { objectMode: false, highWaterMark: 1 << 20 });
}
