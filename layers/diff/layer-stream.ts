import { Readable } from 'node:stream';
import { type LayerOptions, LayerTar } from './layer-tar.ts';

/** Bytes read at once. A new buffer each time, since whoever reads keeps it. */
const CHUNK = 2 ** 20;

/** The tar of a layer (see {@link LayerTar}) as a stream that is made as it is read. */
export function openLayerTar(directory: string, options: LayerOptions = {}): Readable {
  const tar = new LayerTar(directory, options);
  return new Readable({
    highWaterMark: CHUNK,
    read() {
      const buffer = Buffer.allocUnsafeSlow(CHUNK);
      const length = tar.fill(buffer);
      this.push(length === 0 ? null : buffer.subarray(0, length));
    },
    destroy(error, done) {
      tar.close();
      done(error);
    },
  });
}
