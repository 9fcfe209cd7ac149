import { constants, createReadStream, openSync } from 'node:fs';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import type { BlobInfo } from './content-store.ts';

/** What is wrong with a stored blob; undefined when nothing is. Reads all of it. */
export async function checkBlob(path: string, { digest, size }: BlobInfo): Promise<string | undefined> {
  const { checkStream, fromHex } = await import('ssri');
  const stream = createReadStream('', { fd: openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW) });
  try {
    await checkStream(stream, fromHex(hexOf(digest), algorithmOf(digest)), { size });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    stream.destroy();
  }
}
