import { closeSync, readFileSync, readSync } from 'node:fs';
import { bytePath, type FileTree, hostPlatform } from '../../layers/index.ts';

/** A program for another kind of processor. */
export interface ForeignProgram {
  /** Its path. */
  readonly program: string;
  /** `linux/arm64`. */
  readonly platform: string;
  /** How this machine would come to run it. */
  readonly hint: string;
}

interface Machine {
  readonly architecture: string;
  /** QEMU's name for it. */
  readonly qemu: string;
}

/** e_machine of elf(5), where that alone tells the architecture. */
const MACHINES: Readonly<Record<number, Machine>> = {
  3: { architecture: '386', qemu: 'i386' },
  21: { architecture: 'ppc64le', qemu: 'ppc64le' },
  22: { architecture: 's390x', qemu: 's390x' },
  40: { architecture: 'arm', qemu: 'arm' },
  62: { architecture: 'amd64', qemu: 'x86_64' },
  183: { architecture: 'arm64', qemu: 'aarch64' },
  243: { architecture: 'riscv64', qemu: 'riscv64' },
  258: { architecture: 'loong64', qemu: 'loongarch64' },
};

/**
 * The program that `command` names in a tree, if it is for another architecture than this machine's. `register`: where
 * the kernel keeps the formats that it hands to other programs.
 */
export function foreignProgram(
  tree: FileTree,
  command: string,
  env: readonly string[],
  register = '/proc/sys/fs/binfmt_misc',
): ForeignProgram | undefined {
  for (const program of candidates(command, env)) {
    const machine = machineOf(tree, program);
    if (machine === undefined) continue;
    const { architecture, qemu } = machine;
    if (architecture === hostPlatform().architecture) return undefined;
    return {
      program,
      platform: `linux/${architecture}`,
      hint: hintFor(architecture, `${register}/qemu-${qemu}`),
    };
  }
  return undefined;
}

function candidates(command: string, env: readonly string[]): readonly string[] {
  if (command.includes('/')) return [command];
  const path = env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  return path.split(':').map((directory) => `${directory}/${command}`);
}

function machineOf(tree: FileTree, program: string): Machine | undefined {
  const node = program.startsWith('/') ? tree.lookup(bytePath(program), { follow: true }) : undefined;
  if (node?.stat.type !== 'file') return undefined;
  const fd = tree.open(node);
  try {
    const header = Buffer.alloc(20);
    const isElf = readSync(fd, header, 0, 20, 0) === 20 && header.readUInt32BE(0) === 0x7f454c46;
    if (!isElf) return undefined;
    // EI_DATA: the byte order.
    return MACHINES[header[5] === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18)];
  } finally {
    closeSync(fd);
  }
}

function hintFor(architecture: string, entryPath: string): string {
  const entry = readIfPresent(entryPath);
  if (entry === undefined)
    return 'Register an emulator with binfmt_misc, once for this machine: apt-get install qemu-user-static binfmt-support; or cross-compile in a stage FROM --platform=$BUILDPLATFORM';
  if (!/^enabled$/m.test(entry))
    return `The emulator for ${architecture} is registered with binfmt_misc, but disabled: echo 1 > ${entryPath}`;
  return /^flags: .*F/m.test(entry)
    ? `The emulator that binfmt_misc has for ${architecture} did not run it: install qemu-user-static anew`
    : `The emulator that binfmt_misc has for ${architecture} is not to be found from inside: register it with the flag F, as qemu-user-static does`;
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
