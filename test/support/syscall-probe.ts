/** How a program enters the kernel: as a 64-bit program, as a 32-bit one. */
export type Entry = 'syscall' | 'int80';

/**
 * A static x64 program of a few instructions: makes one system call, and exits with the error number, or 0. It shows
 * what a seccomp filter answers without any library in between.
 */
export function probeProgram(number: number, args: readonly number[] = [], entry: Entry = 'syscall'): Buffer {
  const code: number[] = [];
  const load = (opcode: readonly number[], value: number) => {
    const immediate = Buffer.alloc(4);
    immediate.writeUInt32LE(value >>> 0);
    code.push(...opcode, ...immediate);
  };
  const registers =
    entry === 'syscall'
      ? [[0xbf], [0xbe], [0xba], [0x41, 0xba], [0x41, 0xb8], [0x41, 0xb9]] // edi esi edx r10d r8d r9d
      : [[0xbb], [0xb9], [0xba], [0xbe], [0xbf], [0xbd]]; // ebx ecx edx esi edi ebp
  registers.forEach((opcode, index) => {
    load(opcode, args[index] ?? 0);
  });
  load([0xb8], number); // mov eax, number
  code.push(...(entry === 'syscall' ? [0x0f, 0x05] : [0xcd, 0x80]));
  code.push(0x31, 0xff); // xor edi, edi
  code.push(0x85, 0xc0, 0x79, 0x04); // test eax, eax; jns +4
  code.push(0xf7, 0xd8, 0x89, 0xc7); // neg eax; mov edi, eax
  load([0xb8], 231); // mov eax, exit_group
  code.push(0x0f, 0x05);
  return elf(Buffer.from(code));
}

/** elf(5): a header, one loadable segment with everything, and the code. */
function elf(code: Buffer): Buffer {
  const base = 0x400000n;
  const headers = 64 + 56;
  const file = Buffer.alloc(headers + code.length);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(62, 18); // EM_X86_64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(base + BigInt(headers), 24); // entry
  file.writeBigUInt64LE(64n, 32); // program headers
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // PT_LOAD
  file.writeUInt32LE(5, 68); // readable, executable
  file.writeBigUInt64LE(base, 80);
  file.writeBigUInt64LE(BigInt(file.length), 96);
  file.writeBigUInt64LE(BigInt(file.length), 104);
  file.writeBigUInt64LE(4096n, 112);
  code.copy(file, headers);
  return file;
}
