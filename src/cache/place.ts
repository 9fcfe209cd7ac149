import type { Readable } from 'node:stream';
import type { Descriptor, Digest, Manifest, Reference } from '../../layers/index.ts';
import type { CacheContents, LayerBlob } from './contents.ts';

/** A cache that can be read. */
export interface CacheReader {
  /** As a person names it. */
  readonly label: string;
  /** Undefined: it is in no registry. */
  readonly repository?: Pick<Reference, 'domain' | 'path'>;
  /** What it says; several where a reference leads to several platforms. Empty: nothing is there. */
  contents(): Promise<readonly CacheContents[]>;
  /** Bytes of a blob from an offset; whoever reads them verifies them. */
  open(blob: LayerBlob, offset: number): Readable;
  close(): void;
}

/** A place where a cache is put. */
export interface CacheWriter {
  readonly label: string;
  /** What is there now, to be replaced. */
  current(): Promise<CacheContents | undefined>;
  has(digest: Digest): Promise<boolean>;
  /** Puts a blob there unless it is. */
  put(blob: LayerBlob, open: (offset: number) => Readable): Promise<void>;
  /** Puts the manifest, after all that it names. */
  finish(bytes: Buffer, manifest: Manifest, descriptor: Descriptor): Promise<void>;
  close(): void;
}
