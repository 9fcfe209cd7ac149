import { O_RDONLY } from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { staticProgram } from './elf.ts';
import type { Program } from './plan.ts';
import { SandboxError } from './sandbox.ts';

/*
 * `docker run --init`: a PID 1 that starts the program as its child, passes signals on to it, waits for every process
 * that ends, and ends with the program's exit code. There is no compiled code in this project and no interpreter in the
 * container, so these sixty instructions are written here.
 *
 * Arguments: anything, path of the program, the program's own arguments. Registers that last: r12 the arguments, r13
 * the environment, r14d the program's process id. Stack: all signals at 0, the signal mask as it was at 8, a word at 16.
 */
const instructions: readonly (readonly [code: string, meaning: string] | { readonly label: string })[] = [
  ['48 8b 04 24', 'mov rax, [rsp]              ; argc'],
  ['4c 8d 64 24 08', 'lea r12, [rsp+8]'],
  ['4d 8d 6c c4 08', 'lea r13, [r12+rax*8+8]'],
  ['48 83 ec 40', 'sub rsp, 64'],
  // Else it would be called by the number of the descriptor that it was executed from.
  ['b8 9d 00 00 00', 'mov eax, 157                ; prctl(PR_SET_NAME, its name)'],
  ['bf 0f 00 00 00', 'mov edi, 15'],
  ['49 8b 34 24', 'mov rsi, [r12]'],
  ['0f 05', 'syscall'],
  // All signals are blocked: none is lost, and none ends this process. Blocked ones are kept even for a PID 1.
  ['48 c7 04 24 ff ff ff ff', 'mov qword [rsp], -1'],
  ['b8 0e 00 00 00', 'mov eax, 14                 ; rt_sigprocmask'],
  ['bf 02 00 00 00', 'mov edi, 2                  ; SIG_SETMASK'],
  ['48 89 e6', 'mov rsi, rsp'],
  ['48 8d 54 24 08', 'lea rdx, [rsp+8]'],
  ['41 ba 08 00 00 00', 'mov r10d, 8'],
  ['0f 05', 'syscall'],
  ['b8 39 00 00 00', 'mov eax, 57                 ; fork'],
  ['0f 05', 'syscall'],
  ['85 c0', 'test eax, eax'],
  ['74 child', 'jz child'],
  ['79 parent', 'jns parent'],
  ['bf 7d 00 00 00', 'mov edi, 125'],
  ['eb quit', 'jmp quit'],

  { label: 'child' },
  // A process group of its own, in the foreground: a key of the terminal then signals the program once, not twice.
  ['b8 6d 00 00 00', 'mov eax, 109                ; setpgid(0, 0)'],
  ['31 ff', 'xor edi, edi'],
  ['31 f6', 'xor esi, esi'],
  ['0f 05', 'syscall'],
  ['b8 27 00 00 00', 'mov eax, 39                 ; getpid'],
  ['0f 05', 'syscall'],
  ['89 44 24 10', 'mov [rsp+16], eax'],
  ['b8 10 00 00 00', 'mov eax, 16                 ; ioctl(0, TIOCSPGRP, &pid)'],
  ['31 ff', 'xor edi, edi'],
  ['be 10 54 00 00', 'mov esi, 0x5410'],
  ['48 8d 54 24 10', 'lea rdx, [rsp+16]'],
  ['0f 05', 'syscall'],
  ['b8 0e 00 00 00', 'mov eax, 14                 ; rt_sigprocmask, as it was'],
  ['bf 02 00 00 00', 'mov edi, 2'],
  ['48 8d 74 24 08', 'lea rsi, [rsp+8]'],
  ['31 d2', 'xor edx, edx'],
  ['41 ba 08 00 00 00', 'mov r10d, 8'],
  ['0f 05', 'syscall'],
  ['b8 3b 00 00 00', 'mov eax, 59                 ; execve'],
  ['49 8b 7c 24 08', 'mov rdi, [r12+8]'],
  ['49 8d 74 24 10', 'lea rsi, [r12+16]'],
  ['4c 89 ea', 'mov rdx, r13'],
  ['0f 05', 'syscall'],
  ['bf 7e 00 00 00', 'mov edi, 126'],
  ['83 f8 fe', 'cmp eax, -2                 ; ENOENT'],
  ['75 quit', 'jne quit'],
  ['ff c7', 'inc edi'],

  { label: 'quit' },
  ['b8 e7 00 00 00', 'mov eax, 231                ; exit_group(edi)'],
  ['0f 05', 'syscall'],

  { label: 'parent' },
  ['41 89 c6', 'mov r14d, eax'],
  { label: 'wait' },
  ['b8 80 00 00 00', 'mov eax, 128                ; rt_sigtimedwait(all, NULL, NULL, 8)'],
  ['48 89 e7', 'mov rdi, rsp'],
  ['31 f6', 'xor esi, esi'],
  ['31 d2', 'xor edx, edx'],
  ['41 ba 08 00 00 00', 'mov r10d, 8'],
  ['0f 05', 'syscall'],
  ['85 c0', 'test eax, eax'],
  ['7e wait', 'jle wait                    ; interrupted'],
  ['83 f8 11', 'cmp eax, 17                 ; SIGCHLD'],
  ['74 reap', 'je reap'],
  ['89 c6', 'mov esi, eax'],
  ['44 89 f7', 'mov edi, r14d'],
  ['b8 3e 00 00 00', 'mov eax, 62                 ; kill'],
  ['0f 05', 'syscall'],
  ['eb wait', 'jmp wait'],

  { label: 'reap' },
  ['b8 3d 00 00 00', 'mov eax, 61                 ; wait4(-1, &status, WNOHANG, NULL)'],
  ['83 cf ff', 'or edi, -1'],
  ['48 8d 74 24 10', 'lea rsi, [rsp+16]'],
  ['ba 01 00 00 00', 'mov edx, 1'],
  ['45 31 d2', 'xor r10d, r10d'],
  ['0f 05', 'syscall'],
  ['85 c0', 'test eax, eax'],
  ['7e wait', 'jle wait                    ; no more for now'],
  ['44 39 f0', 'cmp eax, r14d'],
  ['75 reap', 'jne reap                    ; an orphan'],
  ['8b 7c 24 10', 'mov edi, [rsp+16]           ; exit code << 8 | signal'],
  ['89 f8', 'mov eax, edi'],
  ['c1 ef 08', 'shr edi, 8'],
  ['83 e0 7f', 'and eax, 127'],
  ['74 quit', 'jz quit'],
  ['8d b8 80 00 00 00', 'lea edi, [rax+128]'],
  ['eb quit', 'jmp quit'],
];

/** Puts the bytes together; a label in the place of one is the distance to it from there. */
function assemble(): Uint8Array {
  const labels = new Map<string, number>();
  const bytes: string[] = [];
  for (const item of instructions) {
    if ('label' in item) labels.set(item.label, bytes.length);
    else bytes.push(...item[0].split(' '));
  }
  return Uint8Array.from(bytes, (byte, index) => {
    const target = labels.get(byte);
    return target === undefined ? Number.parseInt(byte, 16) : (target - index - 1) & 0xff;
  });
}

export function initProblem(): string | undefined {
  return process.arch === 'x64' ? undefined : `it is only written for x64, not for ${process.arch}`;
}

/**
 * The init, to be executed in the place of `program`. It is a file in memory, seen by nobody else, and executed through
 * procfs; closed, with all descriptors, by that.
 */
export function behindInit(program: Program, proc: number, sys: Syscalls): Program {
  const problem = initProblem();
  if (problem !== undefined)
    throw new SandboxError('REFUSED', 'init', `Cannot run the program behind an init: ${problem}`);
  const file = sys.memfdCreate('init');
  sys.write(file, staticProgram(assemble()));
  // What is open for writing cannot be executed.
  const readonly = sys.openat(proc, `self/fd/${file}`, O_RDONLY);
  sys.close(file);
  return { path: `/proc/self/fd/${readonly}`, args: ['init', program.path, ...program.args] };
}
