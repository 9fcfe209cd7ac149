import type { OverlayRoot } from '../../layers/index.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH, OPEN_TREE_CLONE } from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import { mountOverlay } from './overlay.ts';

/** The private tmpfs of a start. */
export interface Scratch {
  readonly path: string;
  readonly fd: number;
}

/** Mounts a stack of layers on a new directory of the scratch. Answers with a descriptor of its root. */
export function mountStack(stack: OverlayRoot, name: string, scratch: Scratch, sys: Syscalls): number {
  const { lower, upper } = stack;
  sys.mkdirat(scratch.fd, name, 0o755);
  const target = sys.openat(scratch.fd, name, O_PATH | O_DIRECTORY);
  if (lower.length > 0)
    mountOverlay(withUpper(stack, name, scratch, sys), `${scratch.path}/${name}`, target, sys);
  else if (upper !== undefined) bindDirectory(upper, target, sys);
  // Of no layers at all it is the empty directory that was made.
  return sys.openat(scratch.fd, name, O_PATH | O_DIRECTORY);
}

function bindDirectory(path: string, target: number, sys: Syscalls): void {
  const mount = attempt(path, `open the directory "${path}"`, () =>
    sys.openTree(AT_FDCWD, path, OPEN_TREE_CLONE),
  );
  sys.moveMount(mount, target);
}

/** Where nobody writes there may still be mount points to make, and overlayfs wants two layers: they go to memory. */
function withUpper(stack: OverlayRoot, name: string, { path, fd }: Scratch, sys: Syscalls): OverlayRoot {
  if (stack.upper !== undefined) return stack;
  const [upper, work] = [`${name}.upper`, `${name}.work`];
  for (const directory of [upper, work]) sys.mkdirat(fd, directory, 0o755);
  return { ...stack, upper: `${path}/${upper}`, work: `${path}/${work}` };
}
