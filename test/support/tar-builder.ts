/** Fields of one header block as they are put there: numbers as octal text, strings as they are. */
export interface RawHeader {
  readonly name?: string;
  readonly mode?: number | string;
  readonly uid?: number | string | Buffer;
  readonly gid?: number | string | Buffer;
  readonly size?: number | string | Buffer;
  readonly mtime?: number | string | Buffer;
  /** Default `0`. */
  readonly type?: string;
  readonly linkname?: string;
  /** Eight bytes; default ustar's. */
  readonly magic?: string;
  readonly devMajor?: number | string;
  readonly devMinor?: number | string;
  readonly prefix?: string;
  /** Default the right one. */
  readonly checksum?: number | string;
  /** Bytes laid over the block at an offset, before it is summed. */
  readonly patch?: readonly (readonly [offset: number, bytes: string | Buffer])[];
}

type Fields = Omit<RawHeader, 'name' | 'type' | 'size' | 'linkname'>;

/**
 * Puts tars together byte by byte, the odd and the hostile, knowing nothing of the code that is tested with them.
 * Strings are latin1: one char per byte.
 */
export class TarBuilder {
  readonly #parts: Buffer[] = [];

  /** Bytes as they are. */
  raw(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }

  header(header: RawHeader): this {
    return this.raw(headerBlock(header));
  }

  /** Content, padded to whole blocks. */
  body(content: string | Buffer): this {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
    return this.raw(bytes).raw(Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }

  file(name: string, content: string | Buffer = '', fields: Fields = {}): this {
    return this.header({ mode: 0o644, ...fields, name, type: '0', size: content.length }).body(content);
  }

  directory(name: string, fields: Fields = {}): this {
    return this.header({ mode: 0o755, ...fields, name: `${name}/`, type: '5' });
  }

  symlink(name: string, target: string, fields: Fields = {}): this {
    return this.header({ mode: 0o777, ...fields, name, type: '2', linkname: target });
  }

  link(name: string, target: string, fields: Fields = {}): this {
    return this.header({ mode: 0o644, ...fields, name, type: '1', linkname: target });
  }

  device(name: string, type: 'char' | 'block' | 'fifo', major = 0, minor = 0, fields: Fields = {}): this {
    const flag = { char: '3', block: '4', fifo: '6' }[type];
    return this.header({ mode: 0o600, ...fields, name, type: flag, devMajor: major, devMinor: minor });
  }

  /** A PAX extended header (`x`), or a global one (`g`). */
  pax(records: Readonly<Record<string, string>> | readonly (readonly [string, string])[], type = 'x'): this {
    const list = Array.isArray(records) ? records : Object.entries(records);
    const body = list.map(([key, value]) => paxRecord(key, value)).join('');
    return this.header({ name: 'PaxHeader', type, size: body.length }).body(body);
  }

  /** GNU's header for a long name (`L`) or link (`K`). */
  gnuLong(type: 'L' | 'K', text: string): this {
    return this.header({ name: '././@LongLink', type, size: text.length + 1, magic: 'ustar  \0' }).body(
      `${text}\0`,
    );
  }

  /** All so far, without an end marker. */
  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** All so far, and the end marker. */
  end(): Buffer {
    return Buffer.concat([...this.#parts, Buffer.alloc(1024)]);
  }
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
  return `${length}${rest}`;
}

function headerBlock(header: RawHeader): Buffer {
  const block = Buffer.alloc(512);
  const put = (offset: number, length: number, value: number | string | Buffer | undefined) => {
    if (value === undefined) return;
    if (typeof value === 'number')
      block.write(value.toString(8).padStart(length - 1, '0'), offset, length, 'latin1');
    else if (typeof value === 'string') block.write(value, offset, length, 'latin1');
    else value.copy(block, offset, 0, length);
  };
  put(0, 100, header.name ?? '');
  put(100, 8, header.mode ?? 0);
  put(108, 8, header.uid ?? 0);
  put(116, 8, header.gid ?? 0);
  put(124, 12, header.size ?? 0);
  put(136, 12, header.mtime ?? 0);
  put(156, 1, header.type ?? '0');
  put(157, 100, header.linkname ?? '');
  put(257, 8, header.magic ?? 'ustar\x0000');
  put(329, 8, header.devMajor ?? 0);
  put(337, 8, header.devMinor ?? 0);
  put(345, 155, header.prefix);
  for (const [offset, bytes] of header.patch ?? []) put(offset, 512 - offset, bytes);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  if (header.checksum !== undefined) put(148, 8, header.checksum);
  return block;
}
