import { createHash as createNodeHash } from 'node:crypto';
import { koffi } from './koffi.ts';

/** A hash that is being made; what node:crypto has is one. */
export interface Hash {
  /** Text is taken as UTF-8. */
  update(data: Uint8Array | string): Hash;
  /** Ends it: nothing may be added or asked after that. */
  digest(): Buffer;
  digest(encoding: 'hex'): string;
}

export type Hashes = (algorithm: 'sha256' | 'sha512') => Hash;

/** Finds a function of this process; throws where there is none of that name. */
export type FindFunction = (
  name: string,
  result: string,
  parameters: string[],
) => (...given: (Uint8Array | number)[]) => unknown;

interface Sha256Calls {
  readonly init: ReturnType<FindFunction>;
  readonly update: ReturnType<FindFunction>;
  readonly final: ReturnType<FindFunction>;
}

/** SHA256_CTX has 112 bytes in all versions of OpenSSL; other libraries may have a few more. */
const CONTEXT_BYTES = 256;
const DIGEST_BYTES = 32;
const OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

let hashes: Hashes | undefined;

/**
 * As that of node:crypto, without loading it, which takes 37 modules and 3 ms at a start: Node's own OpenSSL is called
 * directly, and gives the same to the same code.
 */
export function createHash(algorithm: 'sha256' | 'sha512'): Hash {
  hashes ??= hashesBy((name, result, parameters) => koffi().load(null).func(name, result, parameters));
  return hashes(algorithm);
}

/** With functions found by `find`; with those of node:crypto where they are missing or not what they should be. */
export function hashesBy(find: FindFunction): Hashes {
  const calls = sha256Calls(find);
  return (algorithm) =>
    algorithm === 'sha256' && calls !== undefined ? new Sha256(calls) : createNodeHash(algorithm);
}

function sha256Calls(find: FindFunction): Sha256Calls | undefined {
  if (isForFips()) return undefined;
  try {
    const calls = {
      init: find('SHA256_Init', 'int', ['void *']),
      update: find('SHA256_Update', 'int', ['void *', 'const void *', 'size_t']),
      final: find('SHA256_Final', 'int', ['void *', 'void *']),
    };
    return new Sha256(calls).digest('hex') === OF_NOTHING ? calls : undefined;
  } catch {
    return undefined;
  }
}

/** Options of Node and of OpenSSL by which a process can be told to keep to what is certified for FIPS. */
const FIPS_OPTIONS = /--(?:(?:enable|force)[-_]fips|openssl[-_](?:shared[-_])?config)/;

/** This Node is, or may be, to use what is certified and nothing else. */
function isForFips(): boolean {
  const { openssl_is_fips: isBuiltFor } = process.config.variables as { openssl_is_fips?: boolean };
  const { NODE_OPTIONS = '', OPENSSL_CONF } = process.env;
  const options = [...process.execArgv, NODE_OPTIONS].join(' ');
  return isBuiltFor === true || OPENSSL_CONF !== undefined || FIPS_OPTIONS.test(options);
}

class Sha256 implements Hash {
  readonly #calls: Sha256Calls;
  // Buffers are passed as such, not by address: V8 keeps what a call was given until it is over.
  readonly #context = Buffer.allocUnsafe(CONTEXT_BYTES);
  #isEnded = false;

  constructor(calls: Sha256Calls) {
    this.#calls = calls;
    calls.init(this.#context);
  }

  update(data: Uint8Array | string): this {
    this.#assertGoingOn();
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    this.#calls.update(this.#context, bytes, bytes.length);
    return this;
  }

  digest(): Buffer;
  digest(encoding: 'hex'): string;
  digest(encoding?: 'hex'): Buffer | string {
    this.#assertGoingOn();
    this.#isEnded = true;
    const digest = Buffer.allocUnsafe(DIGEST_BYTES);
    this.#calls.final(digest, this.#context);
    return encoding === undefined ? digest : digest.toString(encoding);
  }

  #assertGoingOn(): void {
    if (this.#isEnded) throw new Error('the hash has ended');
  }
}
