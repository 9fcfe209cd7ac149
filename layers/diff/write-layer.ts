import { type LayerOptions, LayerTar } from './layer-tar.ts';

/** Bytes handed to a sink at once. */
const CHUNK = 4 * 2 ** 20;

/**
 * Writes the tar of a layer (see {@link LayerTar}) to `sink`, whose buffer is used again once it has returned, or,
 * when it returns a promise, once that has resolved.
 */
export async function writeLayer(
  directory: string,
  sink: (chunk: Buffer, length: number) => void | Promise<void>,
  options: LayerOptions = {},
): Promise<void> {
  const tar = new LayerTar(directory, options);
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  try {
    for (let length = tar.fill(buffer); length > 0; length = tar.fill(buffer)) {
      const written = sink(buffer, length);
      if (written !== undefined) await written;
    }
  } finally {
    tar.close();
  }
}
