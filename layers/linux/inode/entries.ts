import type { BytePath } from '../../snapshots/file-tree.ts';
import { c } from './c-string.ts';
import { calls } from './calls.ts';
import { AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW } from './flags.ts';
import { check } from './outcome.ts';

const linkBuffer = Buffer.allocUnsafeSlow(4096);

/** With an empty name: of the O_PATH descriptor itself. */
export function readLinkAt(directory: number, name: BytePath): BytePath {
  const length = check(
    calls().readlinkat(directory, c(name), linkBuffer, linkBuffer.length),
    'readlinkat',
    name,
  );
  return linkBuffer.toString('latin1', 0, length);
}

/** The mode is subject to the umask: set it with {@link chmodFd} where it matters. */
export function makeDirectoryAt(directory: number, name: BytePath, mode: number): void {
  check(calls().mkdirat(directory, c(name), mode), 'mkdirat', name);
}

const nodeTypes = { fifo: 0o010000, char: 0o020000, block: 0o060000, socket: 0o140000 } as const;

export function makeNodeAt(
  directory: number,
  name: BytePath,
  type: keyof typeof nodeTypes,
  mode: number,
  major: number,
  minor: number,
): void {
  // The kernel's 32-bit encoding (new_encode_dev), which glibc's makedev extends.
  const device = (minor & 0xff) + (major & 0xfff) * 0x100 + Math.floor(minor / 0x100) * 0x10_0000;
  check(calls().mknodat(directory, c(name), nodeTypes[type] | mode, device), 'mknodat', name);
}

export function symlinkAt(target: BytePath, directory: number, name: BytePath): void {
  check(calls().symlinkat(c(target), directory, c(name)), 'symlinkat', name);
}

export function linkAt(fromDirectory: number, from: BytePath, toDirectory: number, to: BytePath): void {
  check(calls().linkat(fromDirectory, c(from), toDirectory, c(to), 0), 'linkat', to);
}

/** Gives a file that has no name yet (made with `O.TMPFILE`) its name, which must be free. */
export function linkFd(fd: number, directory: number, name: BytePath): void {
  // Without AT_EMPTY_PATH, which takes a capability over the whole machine: open(2), O_TMPFILE.
  check(
    calls().linkat(AT_FDCWD, c(`/proc/self/fd/${fd}`), directory, c(name), AT_SYMLINK_FOLLOW),
    'linkat',
    name,
  );
}

export function unlinkAt(directory: number, name: BytePath): void {
  check(calls().unlinkat(directory, c(name), 0), 'unlinkat', name);
}

export function removeDirectoryAt(directory: number, name: BytePath): void {
  check(calls().unlinkat(directory, c(name), AT_REMOVEDIR), 'unlinkat', name);
}

export function renameAt(fromDirectory: number, from: BytePath, toDirectory: number, to: BytePath): void {
  check(calls().renameat(fromDirectory, c(from), toDirectory, c(to)), 'renameat', to);
}

const RENAME_EXCHANGE = 2;

/** Swaps two entries at one instant: no name is missing in between. */
export function exchangeAt(fromDirectory: number, from: BytePath, toDirectory: number, to: BytePath): void {
  const { renameat2, numbers } = calls();
  check(
    renameat2(numbers.renameat2, fromDirectory, c(from), toDirectory, c(to), RENAME_EXCHANGE),
    'renameat2',
    to,
  );
}
