// The parts of unbzip2-stream below its stream, which @types/unbzip2-stream leaves out.
declare module 'unbzip2-stream/lib/bit_iterator.js' {
  interface BitReader {
    (count: number | null): number;
    /** Bytes of which at least one bit was read. */
    readonly bytesRead: number;
  }
  export default function bitIterator(nextBuffer: () => Uint8Array): BitReader;
}

declare module 'unbzip2-stream/lib/bzip2.js' {
  type BitReader = (count: number | null) => number;
  const bzip2: {
    /** Block size in units of 100,000 bytes. */
    header(bits: BitReader): number;
    /** The stream's checksum so far; null at the end of the stream. */
    decompress(
      bits: BitReader,
      push: (byte: number) => void,
      work: Int32Array,
      workLength: number,
      checksum: number,
    ): number | null;
  };
  export default bzip2;
}
