/** A string as RFC 4251 section 5 writes it: its length, then its bytes. */
export function wire(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** An unsigned number, big end first, as an mpint: no more bytes than needed, and never a sign. */
wire.integer = (bytes: Buffer): Buffer => {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  return wire((digits[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits);
};

/** Reads such values one after the other. Throws RangeError at the end. */
export class WireReader {
  #offset = 0;

  constructor(readonly source: Buffer) {}

  uint32(): number {
    const value = this.source.readUInt32BE(this.#offset);
    this.#offset += 4;
    return value;
  }

  bytes(): Buffer {
    const length = this.uint32();
    const end = this.#offset + length;
    if (end > this.source.length) throw new RangeError('The value is cut short');
    const value = this.source.subarray(this.#offset, end);
    this.#offset = end;
    return value;
  }

  text(): string {
    return this.bytes().toString('latin1');
  }

  /** An mpint without the zero that keeps it from being negative. */
  integer(): Buffer {
    const bytes = this.bytes();
    return bytes[0] === 0 ? bytes.subarray(1) : bytes;
  }
}
