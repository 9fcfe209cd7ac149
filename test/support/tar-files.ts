import { Header, type HeaderData } from 'tar';

/** Entries of a test archive: text or bytes of files by path, or a whole header. */
export type TarFiles = Readonly<
  Record<string, string | Uint8Array | (HeaderData & { readonly type: HeaderData['type'] })>
>;

/** A plain ustar archive, encoded by the `tar` package: independent of the project's own writer. */
export function tarOf(files: TarFiles): Buffer {
  const blocks = Object.entries(files).flatMap(([path, file]) => {
    if (typeof file === 'object' && !(file instanceof Uint8Array)) return [headerOf(path, file)];
    const body = Buffer.from(file as string);
    const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
    return [headerOf(path, { type: 'File', size: body.length }), body, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function headerOf(path: string, data: HeaderData): Buffer {
  const block = Buffer.alloc(512);
  new Header({ path, mode: 0o644, uid: 0, gid: 0, size: 0, mtime: new Date(0), ...data }).encode(block, 0);
  return block;
}
