const BASE = 0x400000n;
const FILE_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const HEADERS_BYTES = FILE_HEADER_BYTES + PROGRAM_HEADER_BYTES;

/** elf(5): a static x86-64 program of one segment, readable and executable, that starts at the first byte of `code`. */
export function staticProgram(code: Uint8Array): Uint8Array {
  const size = BigInt(HEADERS_BYTES + code.length);
  const header = Buffer.alloc(HEADERS_BYTES);
  header.write('\x7fELF', 'latin1');
  header.set([2, 1, 1], 4); // 64 bits, little endian, version 1
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(62, 18); // EM_X86_64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BASE + BigInt(HEADERS_BYTES), 24); // entry
  header.writeBigUInt64LE(BigInt(FILE_HEADER_BYTES), 32); // where program headers are
  header.writeUInt16LE(FILE_HEADER_BYTES, 52);
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  header.writeUInt16LE(1, 56);
  const segment = header.subarray(FILE_HEADER_BYTES);
  segment.writeUInt32LE(1, 0); // PT_LOAD
  segment.writeUInt32LE(5, 4); // PF_R | PF_X
  segment.writeBigUInt64LE(BASE, 16);
  segment.writeBigUInt64LE(size, 32);
  segment.writeBigUInt64LE(size, 40);
  segment.writeBigUInt64LE(4096n, 48);
  return Buffer.concat([header, code]);
}
