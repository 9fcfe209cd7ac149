import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type RawHeader, TarBuilder } from './tar-builder.ts';

const folder = resolve(import.meta.dirname, '../../fixtures/archives');

/** What becomes of an archive: an error by its code (or one of several), or the tree, or some entries of it. */
export interface Expectation {
  readonly error?: string | readonly string[];
  readonly tree?: Readonly<Record<string, string>>;
  readonly has?: Readonly<Record<string, string>>;
}

export interface ArchiveCase {
  readonly name: string;
  readonly entries: readonly Entry[];
  /** Absent: whatever, as long as nothing outside changes. */
  readonly expect?: Expectation;
  /** Of ADD, where that differs from a layer; `any` is whatever. */
  readonly add?: Expectation | 'any';
  /** Octal, by path. */
  readonly modes?: Readonly<Record<string, string>>;
  /** Names of extended attributes, by path. */
  readonly xattrs?: Readonly<Record<string, readonly string[]>>;
  /** Default true: with an end marker. */
  readonly end?: boolean;
}

/** One line of a listing; see fixtures/README.md. */
type Entry = Readonly<Record<string, unknown>>;

interface CaseFile {
  /** Of the security checklist. */
  readonly row: string;
  readonly about: string;
  readonly cases: readonly ArchiveCase[];
}

export function archiveCases(): CaseFile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as CaseFile);
}

/** Puts what names stand for in their place: `{canary}` and its like, in every string. */
export function substitute<T>(value: T, names: Readonly<Record<string, string>>): T {
  const text = JSON.stringify(value).replace(/\{([a-z]+)\}/g, (whole, name: string) => names[name] ?? whole);
  return JSON.parse(text) as T;
}

/** The bytes of the archive that a case lists. */
export function assemble({ entries, end = true }: ArchiveCase): Buffer {
  const builder = new TarBuilder();
  for (const entry of entries) addEntry(builder, entry);
  return end ? builder.end() : builder.bytes();
}

function addEntry(builder: TarBuilder, entry: Entry): void {
  const { file, directory, symlink, link, device, header, pax, long, raw, body, signed, ...rest } = entry;
  const { content = '', to = '', type = '', major = 0, minor = 0, text = '', ...fields } = rest;
  if (file !== undefined) builder.file(String(file), String(content), fields);
  else if (directory !== undefined) builder.directory(String(directory), fields);
  else if (symlink !== undefined) builder.symlink(String(symlink), String(to), fields);
  else if (link !== undefined) builder.link(String(link), String(to), fields);
  else if (device !== undefined)
    builder.device(String(device), type as 'char' | 'block' | 'fifo', Number(major), Number(minor), fields);
  else if (header !== undefined) builder.header(rawHeader(header as Entry));
  else if (pax !== undefined) builder.pax(pax as Record<string, string>, type === '' ? 'x' : String(type));
  else if (long !== undefined) builder.gnuLong(long as 'L' | 'K', String(text));
  else if (raw !== undefined) builder.raw(Buffer.from(String(raw), 'hex'));
  else if (body !== undefined) builder.body(String(body));
  else if (signed !== undefined)
    builder.header({ name: String(signed), checksum: signedSum(String(signed)) });
  else throw new Error(`Unknown entry ${JSON.stringify(entry)}`);
}

/** `{"base256": n}` in place of a number is GNU's binary form. */
function rawHeader(fields: Entry): RawHeader {
  const lengths: Readonly<Record<string, number>> = { size: 12, mtime: 12 };
  const values = Object.entries(fields).map(([key, value]) => {
    const isBinary = typeof value === 'object' && value !== null && 'base256' in value;
    return [key, isBinary ? base256(Number(value.base256), lengths[key] ?? 8) : value] as const;
  });
  return Object.fromEntries(values) as RawHeader;
}

export function base256(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let rest = BigInt.asUintN(8 * length, BigInt(value));
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0]! |= 0x80;
  return bytes;
}

/** The sum as writers made it that took bytes for signed. */
function signedSum(name: string): number {
  const right = new TarBuilder().header({ name }).bytes().toString('latin1', 148, 154);
  const high = Buffer.from(name, 'latin1').filter((byte) => byte > 0x7f).length;
  return Number.parseInt(right, 8) - 256 * high;
}
