import { staticProgram } from '../../src/sandbox/elf.ts';

/** How a program enters the kernel: as a 64-bit program, as a 32-bit one. */
export type Entry = 'syscall' | 'int80';

/**
 * A static x64 program of a few instructions: makes one system call, and exits with the error number, or 0. It shows
 * what a seccomp filter answers without any library in between.
 */
export function probeProgram(
  number: number,
  args: readonly number[] = [],
  entry: Entry = 'syscall',
): Uint8Array {
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
  return staticProgram(Uint8Array.from(code));
}
