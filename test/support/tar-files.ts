import { Header, type HeaderData } from 'tar';

/** Entries of a test archive: text or bytes of files by path, or a whole header, of a file with its text. */
export type TarFiles = Readonly<Record<string, string | Uint8Array | TarHeader>>;

type TarHeader = HeaderData & { readonly type: NonNullable<HeaderData['type']>; readonly body?: string };

/** A plain ustar archive, encoded by the `tar` package: independent of the project's own writer. */
export function tarOf(files: TarFiles): Buffer {
  const blocks = Object.entries(files).flatMap(([path, file]) => {
    const isHeader = typeof file === 'object' && !(file instanceof Uint8Array);
    const header: TarHeader = isHeader ? file : { type: 'File', body: '' };
    if (header.body === undefined) return [headerOf(path, header)];
    const body = isHeader ? Buffer.from(header.body) : Buffer.from(file);
    const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
    return [headerOf(path, { ...header, size: body.length }), body, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function headerOf(path: string, data: HeaderData): Buffer {
  const block = Buffer.alloc(512);
  new Header({ path, mode: 0o644, uid: 0, gid: 0, size: 0, mtime: new Date(0), ...data }).encode(block, 0);
  return block;
}
