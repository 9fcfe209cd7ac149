import { type Koffi, koffi } from '../linux/koffi.ts';

/** Functions of libzstd (its public, stable interface). Sizes are `size_t`; pointers are addresses. */
export interface LibZstd {
  readonly createDStream: () => bigint;
  readonly freeDStream: (stream: bigint) => void;
  /** Runs on a thread of libuv's pool. */
  readonly decompressStream: (stream: bigint, output: Uint8Array, input: Uint8Array) => Promise<number>;
  /** Runs on a thread of libuv's pool. */
  readonly compress: (target: Uint8Array, source: Uint8Array, level: number) => Promise<number>;
  readonly compressBound: (size: number) => number;
  /** Throws with the library's words when a result is an error. */
  readonly check: (result: number | bigint) => number;
}

let loaded: LibZstd | undefined | null;

/**
 * libzstd: the one inside Node, which 22.15 and later have, else the host's, looked for in its own library path only.
 * Undefined where there is neither.
 */
export function libzstd(): LibZstd | undefined {
  if (loaded === undefined) loaded = tryDeclare(null) ?? tryDeclare('libzstd.so.1') ?? null;
  return loaded ?? undefined;
}

function tryDeclare(file: string | null): LibZstd | undefined {
  try {
    // RTLD_DEEPBIND: it must not call functions of another version that happens to be in the process.
    return declare(koffi().load(file, { deep: true }));
  } catch {
    return undefined;
  }
}

function declare(library: ReturnType<Koffi['load']>): LibZstd {
  const isError = library.func('ZSTD_isError', 'uint', ['size_t']);
  const errorName = library.func('ZSTD_getErrorName', 'str', ['size_t']);
  const freeDStream = library.func('ZSTD_freeDStream', 'size_t', ['uintptr_t']);
  const decompressStream = library.func('ZSTD_decompressStream', 'size_t', ['uintptr_t', 'void*', 'void*']);
  const compress = library.func('ZSTD_compress', 'size_t', ['void*', 'size_t', 'void*', 'size_t', 'int']);
  const check = (result: number | bigint) => {
    if (isError(result) !== 0) throw new Error(errorName(result) as string);
    return Number(result);
  };
  const settle = (call: (done: (error: unknown, result: number | bigint) => void) => void) =>
    new Promise<number>((resolve, reject) => {
      call((error, result) => {
        try {
          if (error) throw error;
          resolve(check(result));
        } catch (failure) {
          reject(failure as Error);
        }
      });
    });
  return {
    createDStream: library.func('ZSTD_createDStream', 'uintptr_t', []),
    freeDStream: (stream) => freeDStream(stream),
    decompressStream: (stream, output, input) =>
      settle((done) => decompressStream.async(stream, output, input, done)),
    compress: (target, source, level) =>
      settle((done) => compress.async(target, target.length, source, source.length, level, done)),
    compressBound: library.func('ZSTD_compressBound', 'size_t', ['size_t']),
    check,
  };
}
