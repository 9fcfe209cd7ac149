import { ApiError } from './errors.ts';

/** A Dockerfile is text that people write. */
export const MAX_DOCKERFILE_BYTES = 16 * 1024 * 1024;

/** The text of a Dockerfile that comes as a stream, which is given up when it has more than a Dockerfile may have. */
export async function readDockerfileText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > MAX_DOCKERFILE_BYTES) {
      const message = `failed to read dockerfile: standard input has more than ${MAX_DOCKERFILE_BYTES} bytes`;
      throw new ApiError('BAD_REQUEST', 'Dockerfile', message);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
