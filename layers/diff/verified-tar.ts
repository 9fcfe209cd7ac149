import { corrupt } from '../content/verified.ts';
import { createHash, type Hash } from '../linux/hash.ts';
import { type DiffId, digestOfDiff } from '../oci/digest.ts';
import { diffIdOf } from './hash-layer.ts';
import { type LayerOptions, LayerTar } from './layer-tar.ts';

export interface TarRequest {
  readonly directory: string;
  readonly options: LayerOptions;
  /** What the tar must turn out to be; undefined: whoever gets it looks. */
  readonly diffId?: DiffId;
  /** Bytes of each piece but the last; whole blocks. */
  readonly pieceSize: number;
}

/** The tar of a layer in pieces, whose end comes only when it is what it should be: a damaged layer is not handed on. */
export class VerifiedTar {
  readonly #tar: LayerTar;
  readonly #hash: Hash | undefined;
  readonly #diffId: DiffId | undefined;

  constructor({ directory, options, diffId }: Omit<TarRequest, 'pieceSize'>) {
    this.#tar = new LayerTar(directory, options);
    this.#diffId = diffId;
    this.#hash = diffId === undefined ? undefined : createHash('sha256');
  }

  /** As `LayerTar.fill`; 0 at the end. Throws `CORRUPT` there. */
  fill(buffer: Buffer): number {
    const length = this.#tar.fill(buffer);
    if (length > 0) this.#hash?.update(buffer.subarray(0, length));
    else this.#verify();
    return length;
  }

  /** Idempotent. */
  close(): void {
    this.#tar.close();
  }

  #verify(): void {
    if (this.#hash === undefined || this.#diffId === undefined) return;
    const actual = diffIdOf(this.#hash);
    if (actual !== this.#diffId) throw corrupt(digestOfDiff(this.#diffId), actual);
  }
}
