import { StoreError } from '../errors.ts';

/**
 * Typed access to a JSON object from outside. `null` counts as absent, as Go writes it for empty values; a field of the
 * wrong type throws `INVALID_MANIFEST` that names the field.
 */
export class JsonFields {
  private constructor(
    private readonly value: Readonly<Record<string, unknown>>,
    private readonly subject: string,
  ) {}

  /** Throws `INVALID_MANIFEST` unless the value is an object. */
  static of(value: unknown, subject: string): JsonFields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new StoreError('INVALID_MANIFEST', subject, `Invalid ${subject}: not a JSON object`);
    return new JsonFields(value as Record<string, unknown>, subject);
  }

  static parse(bytes: Uint8Array, subject: string): JsonFields {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    } catch (cause) {
      throw new StoreError('INVALID_MANIFEST', subject, `Invalid ${subject}: not JSON`, { cause });
    }
    return JsonFields.of(value, subject);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.value, name) && this.value[name] !== null;
  }

  string(name: string): string | undefined {
    const value = this.get(name);
    return value === undefined || typeof value === 'string' ? value : this.fail(name, 'a string');
  }

  boolean(name: string): boolean | undefined {
    const value = this.get(name);
    return value === undefined || typeof value === 'boolean' ? value : this.fail(name, 'true or false');
  }

  /** A whole number that a double holds exactly. */
  integer(name: string): number | undefined {
    const value = this.get(name);
    return value === undefined || Number.isSafeInteger(value)
      ? (value as number | undefined)
      : this.fail(name, 'a whole number');
  }

  strings(name: string): readonly string[] | undefined {
    const value = this.array(name);
    return value === undefined || value.every((item) => typeof item === 'string')
      ? (value as readonly string[] | undefined)
      : this.fail(name, 'a list of strings');
  }

  array(name: string): readonly unknown[] | undefined {
    const value = this.get(name);
    return value === undefined || Array.isArray(value) ? value : this.fail(name, 'a list');
  }

  objects(name: string): readonly JsonFields[] | undefined {
    return this.array(name)?.map((item, index) =>
      JsonFields.of(item, `${name}[${index}] of ${this.subject}`),
    );
  }

  object(name: string): JsonFields | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : JsonFields.of(value, `${name} of ${this.subject}`);
  }

  /** Keys are data: also `__proto__` becomes a key of its own. */
  stringMap(name: string): Readonly<Record<string, string>> | undefined {
    const fields = this.object(name);
    if (fields === undefined) return undefined;
    const entries = Object.entries(fields.value);
    return entries.every(([, value]) => typeof value === 'string')
      ? (Object.fromEntries(entries) as Record<string, string>)
      : this.fail(name, 'a map of strings');
  }

  /** A set as Go's JSON has it: keys with empty objects. */
  keySet(name: string): Readonly<Record<string, object>> | undefined {
    const fields = this.object(name);
    return fields && Object.fromEntries(Object.keys(fields.value).map((key) => [key, {}]));
  }

  fail(name: string, wanted: string): never {
    throw new StoreError(
      'INVALID_MANIFEST',
      this.subject,
      `Invalid ${this.subject}: "${name}" is not ${wanted}`,
    );
  }

  private get(name: string): unknown {
    return this.has(name) ? this.value[name] : undefined;
  }
}

/** The object without the fields that are undefined. */
export function defined<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
