/** Decodes xz, as the package does in WebAssembly. */
export async function* unxz(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { ReadableStream } = await import('node:stream/web');
  const { XzReadableStream } = await import('xz-decompress');
  const input = ReadableStream.from(source) as globalThis.ReadableStream<Uint8Array>;
  const output = new XzReadableStream(input) as AsyncIterable<Uint8Array>;
  for await (const piece of output) {
    // The package gives views of its memory, which the next call writes over.
    yield Buffer.from(piece);
  }
}
