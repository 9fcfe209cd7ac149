import { isUtf8 } from 'node:buffer';
import { StoreError } from '../errors.ts';
import { type Digest, parseDigest } from './digest.ts';

/**
 * Reading of JSON that nobody vouches for. Values are taken field by field, by their own properties only, into new
 * values; fields that are not asked for are left behind. `null` counts as absent, as Go's encoders write it.
 * Every failure is an `INVALID_MANIFEST` that names the field.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unlike(path, 'an object');
    this.#values = value as Readonly<Record<string, unknown>>;
    this.#path = path;
  }

  keys(): string[] {
    return Object.keys(this.#values);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined;
  }

  /** The value as `read` makes it of what is there; undefined when nothing is. */
  optional<T>(name: string, read: Reader<T>): T | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : read(value, this.pathOf(name));
  }

  required<T>(name: string, read: Reader<T>): T {
    const value = this.optional(name, read);
    if (value === undefined) throw invalid(this.pathOf(name), 'is missing');
    return value;
  }

  pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

export type Reader<T> = (value: unknown, path: string) => T;

/** An object out of bytes: at most `limit` of them, UTF-8, JSON. */
export function parseDocument(bytes: Uint8Array, limit: number): Fields {
  if (bytes.length > limit) {
    const message = `The document has ${bytes.length} bytes, more than the ${limit} allowed`;
    throw new StoreError('LIMIT_EXCEEDED', 'document', message);
  }
  if (!isUtf8(bytes)) throw invalid('document', 'is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (cause) {
    throw invalid('document', 'is not JSON', cause);
  }
  return new Fields(value, '');
}

export const text: Reader<string> = (value, path) => {
  if (typeof value !== 'string') throw unlike(path, 'a string');
  return value;
};

export const flag: Reader<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw unlike(path, 'true or false');
  return value;
};

export const integer: Reader<number> = (value, path) => {
  if (!Number.isSafeInteger(value)) throw unlike(path, 'a whole number');
  return value as number;
};

/** Bytes. */
export const size: Reader<number> = (value, path) => {
  if (integer(value, path) < 0) throw invalid(path, 'is negative');
  return value as number;
};

export const readDigest: Reader<Digest> = (value, path) => {
  try {
    return parseDigest(value);
  } catch (cause) {
    throw invalid(path, 'is not a sha256 or sha512 digest', cause);
  }
};

export function list<T>(read: Reader<T>, limit: number): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw unlike(path, 'a list');
    if (value.length > limit) {
      const message = `"${path}" has ${value.length} entries, more than the ${limit} allowed`;
      throw new StoreError('LIMIT_EXCEEDED', path, message);
    }
    return value.map((item, index) => read(item, `${path}[${index}]`));
  };
}

/** An object with any names. Without a prototype, so that `__proto__` and `constructor` are names like others. */
export function dictionary<T>(read: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, path) => {
    const result: Record<string, T> = Object.create(null);
    for (const name of new Fields(value, path).keys())
      result[name] = read((value as Record<string, unknown>)[name], `${path}.${name}`);
    return result;
  };
}

type OptionalNames<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T];
type Present<T> = Omit<T, OptionalNames<T>> & { [K in OptionalNames<T>]?: Exclude<T[K], undefined> };

/** The value without those of its fields that are undefined. */
export function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Present<T>;
}

export function invalid(path: string, why: string, cause?: unknown): StoreError {
  return new StoreError('INVALID_MANIFEST', path, `Invalid image document: "${path}" ${why}`, { cause });
}

function unlike(path: string, what: string): StoreError {
  return invalid(path, `is not ${what}`);
}
