import { UsageError } from './usage-error.ts';

/** What docker has. */
export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/** The bytes of `ctrl-p,ctrl-q`: keys with commas between, each a character or `ctrl-` and one of `a-z @ [ \ ] ^ _`. */
export function parseDetachKeys(text: string): Buffer {
  const keys = text.split(',').map((key) => {
    const [, control] = /^ctrl-([a-z@[\\\]^_])$/i.exec(key) ?? [];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new UsageError(
      `invalid detach keys (${text}): write characters or ctrl-CHARACTER, with commas between, such as ${DEFAULT_DETACH_KEYS}`,
    );
  });
  return Buffer.from(keys);
}

/** Looks for a sequence of keys in what is typed, and holds back what may become it. */
export class DetachKeyFilter {
  readonly #keys: Buffer;
  #matched = 0;

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** What is to be passed on, and whether the sequence was complete after that. */
  push(chunk: Buffer): { readonly pass: Buffer; readonly detach: boolean } {
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        pass.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) this.#matched++;
      else pass.push(byte);
      if (this.#matched === this.#keys.length) return { pass: Buffer.from(pass), detach: true };
    }
    return { pass: Buffer.from(pass), detach: false };
  }
}
