import { createHash, type Hash } from '../../layers/index.ts';

const SIZE = 64 * 1024;

/**
 * sha256 over a sequence of fields, each framed so that no byte can move from one to the next without changing the
 * result: numbers have a fixed width, everything else is preceded by its length. Collects small fields before it
 * hashes, since each call into the hash costs more than the bytes.
 */
export class FramedHash {
  readonly #hash: Hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(SIZE);
  #length = 0;

  /** `domain` keeps hashes for different purposes apart. */
  constructor(domain: string) {
    this.text(domain);
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  /** 0 to 2³²−1. */
  uint32(value: number): this {
    this.#reserve(4);
    const buffer = this.#buffer;
    buffer[this.#length++] = value;
    buffer[this.#length++] = value >>> 8;
    buffer[this.#length++] = value >>> 16;
    buffer[this.#length++] = value >>> 24;
    return this;
  }

  /** One char per byte, as byte paths are. */
  latin1(value: string): this {
    this.uint32(value.length);
    if (value.length > SIZE) {
      this.#flush();
      this.#hash.update(Buffer.from(value, 'latin1'));
    } else {
      this.#reserve(value.length);
      this.#length += this.#buffer.write(value, this.#length, 'latin1');
    }
    return this;
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value));
  }

  bytes(value: Uint8Array): this {
    this.uint32(value.length);
    if (value.length > SIZE) {
      this.#flush();
      this.#hash.update(value);
    } else {
      this.#reserve(value.length);
      this.#buffer.set(value, this.#length);
      this.#length += value.length;
    }
    return this;
  }

  digest(): Buffer {
    this.#flush();
    return this.#hash.digest();
  }

  #reserve(size: number): void {
    if (this.#length + size > SIZE) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
  }
}
