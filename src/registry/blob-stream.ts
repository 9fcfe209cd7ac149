import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '../../layers/index.ts';
import { networkError } from './errors.ts';
import { paced } from './paced.ts';
import { type Fetcher, RegistryError } from './registry.ts';

const MAX_RESUMPTIONS = 5;
/** Bytes of one connection that count as progress: a few would bring no blob to its end. */
const WORTH_RESUMING = 4096;

export interface BlobStreamOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where to begin. */
  readonly offset?: number;
  /** Called with the bytes received so far, those before the offset included. */
  readonly progress?: (received: number) => void;
  /** Milliseconds of waiting that a few kilobytes may take. */
  readonly idleTimeout?: number;
  /** Milliseconds before the first resumption; doubled at each further one without progress. */
  readonly retryDelay?: number;
}

/**
 * A blob (or what of it comes after the offset) as one stream of exactly the descriptor's size: a connection that breaks is taken up again where it broke.
 * Whoever reads it verifies the digest.
 */
export function blobStream(
  fetcher: Fetcher,
  descriptor: Descriptor,
  options: BlobStreamOptions = {},
): Readable {
  return Readable.from(chunks(fetcher, descriptor, options), { objectMode: false, highWaterMark: 1 << 20 });
}

async function* chunks(
  fetcher: Fetcher,
  descriptor: Descriptor,
  options: BlobStreamOptions,
): AsyncGenerator<Buffer> {
  const { size } = descriptor;
  let received = options.offset ?? 0;
  for (let failures = 0; received < size || failures === 0; ) {
    const before = received;
    try {
      const body = await fetcher.blob(descriptor, received);
      for await (const chunk of paced(body, options.idleTimeout)) {
        received += chunk.length;
        if (received > size) throw tooLong(descriptor);
        options.progress?.(received);
        yield chunk;
      }
      if (received === size) return;
    } catch (error) {
      if (failures >= MAX_RESUMPTIONS || !isResumable(error, options.signal))
        throw networkError(error, descriptor.digest);
    }
    failures = received - before >= WORTH_RESUMING ? 1 : failures + 1;
    if (failures > MAX_RESUMPTIONS) throw tooShort(descriptor, received);
    await delay((options.retryDelay ?? 250) * 2 ** (failures - 1), undefined, {
      ...(options.signal && { signal: options.signal }),
    });
  }
}

function isResumable(error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal?.aborted === true) return false;
  return !(error instanceof RegistryError) || error.code === 'UNREACHABLE';
}

function tooLong({ digest, size }: Descriptor): RegistryError {
  return new RegistryError(
    'INVALID_RESPONSE',
    digest,
    `Registry sent more than the ${size} bytes of ${digest}`,
  );
}

function tooShort({ digest, size }: Descriptor, received: number): RegistryError {
  return new RegistryError(
    'INVALID_RESPONSE',
    digest,
    `Registry sent only ${received} of the ${size} bytes of ${digest}`,
  );
}
