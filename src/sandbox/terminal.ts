import {
  AT_EMPTY_PATH,
  DEVPTS_SUPER_MAGIC,
  O_NOCTTY,
  O_RDWR,
  OPEN_TREE_CLONE,
  RESOLVE_NO_SYMLINKS,
  TIOCGPTPEER,
  TIOCSPTLCK,
  TIOCSWINSZ,
} from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import type { RootTree } from './root-tree.ts';
import { SandboxError } from './sandbox.ts';

/** tty_ioctl(4), struct winsize. */
export function windowSize(rows: number, columns: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(rows, columns, 0, 0).buffer);
}

/**
 * A terminal of the container's own devpts becomes the standard streams; its other side is given to `handOver`. That of PID 1 is the container's console too. The slave is taken from the master, never by its name, which the container could have changed.
 */
export function openTerminal(
  { rows, columns, isConsole }: { rows: number; columns: number; isConsole: boolean },
  uid: number,
  tree: RootTree,
  handOver: (master: number) => void,
  sys: Syscalls,
): void {
  const master = sys.openat2(tree.fd, 'dev/pts/ptmx', O_RDWR | O_NOCTTY, RESOLVE_NO_SYMLINKS);
  if (sys.filesystemType(master) !== DEVPTS_SUPER_MAGIC)
    throw new SandboxError(
      'REFUSED',
      '/dev/pts/ptmx',
      'Cannot open a terminal: /dev/pts of the container is not devpts',
    );
  sys.ioctl(master, TIOCSPTLCK, new Uint8Array(4));
  sys.ioctl(master, TIOCSWINSZ, windowSize(rows, columns));
  const slave = sys.ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  sys.fchown(slave, uid, 5);
  handOver(master);
  sys.close(master);
  for (const stream of [0, 1, 2]) sys.dup2(slave, stream);
  if (isConsole) bindConsole(slave, tree, sys);
  sys.close(slave);
}

function bindConsole(slave: number, tree: RootTree, sys: Syscalls): void {
  const console = tree.mountPoint('/dev/console', 'file');
  const mount = sys.openTree(slave, '', OPEN_TREE_CLONE | AT_EMPTY_PATH);
  sys.moveMount(mount, console);
}
