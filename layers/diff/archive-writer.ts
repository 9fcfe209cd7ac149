import { extensionBody, headersLength, type TarEntry, writeHeaders } from './tar-entry.ts';

/** What stands before an entry's bytes in a tar: its header, after a PAX header where it needs one. */
export function encodeTarEntry(entry: TarEntry): Buffer {
  const body = extensionBody(entry);
  const headers = Buffer.alloc(headersLength(body));
  writeHeaders(headers, 0, entry, body);
  return headers;
}
