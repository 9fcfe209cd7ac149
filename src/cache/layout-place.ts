import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import {
  type Descriptor,
  type Digest,
  digestOf,
  type Index,
  MAX_CONFIG_BYTES,
  MAX_MANIFEST_BYTES,
  MediaType,
  parseDigest,
  parseImageDocument,
  StoreError,
} from '../../layers/index.ts';
import { CACHE_CONFIG_TYPE, type CacheContents, type LayerBlob, parseContents } from './contents.ts';
import { LayoutFolder } from './layout-folder.ts';
import type { CacheReader, CacheWriter } from './place.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const LAYOUT = Buffer.from('{"imageLayoutVersion":"1.0.0"}');

export interface LayoutName {
  readonly path: string;
  readonly tag: string;
  /** Of the manifest, in place of the tag. */
  readonly digest?: string;
}

/** A cache in an OCI layout directory. */
export function openLayoutCache(name: LayoutName): CacheReader {
  if (!existsSync(name.path)) return NOTHING_AT(name.path);
  const folder = new LayoutFolder(name.path);
  return {
    label: name.path,
    contents: async () => {
      const found = contentsOf(folder, name);
      return found === undefined ? [] : [found];
    },
    open: ({ digest }, offset) => folder.openBlob(digest, offset),
    close: () => folder.close(),
  };
}

const NOTHING_AT = (path: string): CacheReader => ({
  label: path,
  contents: async () => [],
  open: () => Readable.from([]),
  close() {},
});

/** Where a cache is put in an OCI layout directory. Other tags there stay. */
export function openLayoutTarget(name: LayoutName): CacheWriter {
  const folder = new LayoutFolder(name.path, { create: true });
  return {
    label: name.path,
    async current() {
      try {
        return contentsOf(folder, name);
      } catch (error) {
        if (error instanceof StoreError) return undefined;
        throw error;
      }
    },
    has: async (digest) => folder.blobSize(digest) !== undefined,
    async put(blob, open) {
      if (folder.blobSize(blob.digest) !== blob.size)
        await folder.writeBlob(blob.digest, verified(blob, open(0)));
    },
    async finish(bytes, _manifest, descriptor) {
      await folder.writeBlob(descriptor.digest, Readable.from([bytes], { objectMode: false }));
      await folder.writeText('oci-layout', LAYOUT);
      await folder.writeText(
        'index.json',
        Buffer.from(JSON.stringify(indexWith(folder, name.tag, descriptor))),
      );
    },
    close: () => folder.close(),
  };
}

function contentsOf(folder: LayoutFolder, { tag, digest }: LayoutName): CacheContents | undefined {
  const entry =
    digest === undefined
      ? entries(folder).find(({ annotations }) => annotations?.[REF_NAME] === tag)?.digest
      : parseDigest(digest);
  if (entry === undefined) return undefined;
  const document = parseImageDocument(blob(folder, entry, MAX_MANIFEST_BYTES));
  if (document.kind === 'index' || document.manifest.config.mediaType !== CACHE_CONFIG_TYPE)
    throw new StoreError('UNSUPPORTED', entry, 'it holds no cache of this builder');
  const { manifest } = document;
  return parseContents(manifest, blob(folder, manifest.config.digest, MAX_CONFIG_BYTES));
}

function entries(folder: LayoutFolder): readonly Descriptor[] {
  const text = folder.readText('index.json', MAX_MANIFEST_BYTES);
  if (text === undefined) return [];
  const document = parseImageDocument(text, MediaType.ociIndex);
  return document.kind === 'index' ? document.index.manifests : [];
}

function indexWith(folder: LayoutFolder, tag: string, descriptor: Descriptor): Index {
  const others = entries(folder).filter(({ annotations }) => annotations?.[REF_NAME] !== tag);
  const { mediaType, digest, size } = descriptor;
  const own = { mediaType, digest, size, annotations: { [REF_NAME]: tag } };
  return { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [...others, own] };
}

function blob(folder: LayoutFolder, digest: Digest, limit: number): Buffer {
  const bytes = folder.readBlob(digest, limit);
  if (bytes === undefined)
    throw new StoreError('NOT_FOUND', digest, `"${folder.path}" has no blob ${digest}`);
  if (digest.startsWith('sha256:') && digestOf(bytes) === digest) return bytes;
  throw new StoreError('DIGEST_MISMATCH', digest, `"${folder.path}" has something else as ${digest}`);
}

/** The bytes, failing at their end unless they are those of the blob. */
function verified({ digest, size }: LayerBlob, bytes: Readable): Readable {
  return Readable.from(checked(bytes, digest, size), { objectMode: false });
}

async function* checked(bytes: Readable, digest: Digest, size: number) {
  const { createHash } = await import('node:crypto');
  const hash = createHash(digest.slice(0, digest.indexOf(':')));
  let length = 0;
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    hash.update(chunk);
    length += chunk.length;
    yield chunk;
  }
  if (length === size && digest.endsWith(hash.digest('hex'))) return;
  throw new StoreError('DIGEST_MISMATCH', digest, `Expected the blob ${digest}, and got something else`);
}
