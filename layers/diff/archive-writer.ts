import { encodeEntry, encodeExtension, type TarEntry } from './tar-entry.ts';
import { BLOCK } from './tar-header.ts';

/** What stands before an entry's bytes in a tar: its header, after a PAX header where it needs one. */
export function encodeTarEntry(entry: TarEntry): Buffer {
  const extension = encodeExtension(entry);
  const header = Buffer.alloc(BLOCK);
  encodeEntry(header, 0, entry);
  return extension === undefined ? header : Buffer.concat([extension, header]);
}
