import { AT_FDCWD, O_NONBLOCK, O_RDONLY, RESOLVE_NO_MAGICLINKS } from '../linux/constants.ts';
import { errnoMessage, failedWith, SyscallError } from '../linux/errno.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import type { RootTree } from './root-tree.ts';
import { SandboxError } from './sandbox.ts';

/** access(2). */
const F_OK = 0;
const X_OK = 1;

/**
 * The program that `command` names, looked up from inside the container as its user: through PATH when it has no slash.
 * Errors read as Docker's.
 */
export function findExecutable(command: string, env: readonly string[], sys: Syscalls): string {
  if (command.includes('/')) {
    const problem = whyNotExecutable(command, sys);
    if (problem !== undefined) throw problem;
    return command;
  }
  const path = env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  // A relative entry would make what runs depend on the working directory.
  for (const directory of path.split(':').filter((entry) => entry.startsWith('/'))) {
    const candidate = `${directory}/${command}`;
    const found = command !== '' && sys.access(candidate, X_OK) === undefined;
    if (found && !isDirectory(candidate, sys)) return candidate;
  }
  throw new SandboxError(
    'NOT_FOUND',
    command,
    `exec: ${quoted(command)}: executable file not found in $PATH`,
  );
}

function whyNotExecutable(path: string, sys: Syscalls): SandboxError | undefined {
  const missing = sys.access(path, F_OK);
  if (missing === 'EACCES') return notExecutable(path, 'permission denied');
  if (missing !== undefined) {
    const text = `exec: ${quoted(path)}: stat ${path}: ${errnoMessage(missing)}`;
    return new SandboxError(missing === 'ENOENT' ? 'NOT_FOUND' : 'NOT_EXECUTABLE', path, text);
  }
  if (isDirectory(path, sys)) return notExecutable(path, 'is a directory');
  const denied = sys.access(path, X_OK);
  return denied === undefined ? undefined : notExecutable(path, errnoMessage(denied));
}

/** Of what is there; links are followed. */
function isDirectory(path: string, sys: Syscalls): boolean {
  return sys.access(`${path}/.`, F_OK) !== 'ENOTDIR';
}

/** BINPRM_BUF_SIZE: how much of a script the kernel looks at. */
const FIRST_LINE_BYTES = 256;
/** A script may be the interpreter of another, so often. */
const MOST_INTERPRETERS = 5;

/**
 * Refuses a program, or an interpreter of a script, that is reached through a link of procfs: `#!/proc/self/exe` would
 * execute the program of this very process, which is the host's, inside the container (CVE-2019-5736).
 */
export function refuseOwnProgram(path: string, tree: RootTree, sys: Syscalls): void {
  let next: string | undefined = path;
  for (let level = 0; next !== undefined && level < MOST_INTERPRETERS; level++) {
    // From the working directory, as execve will: paths may be relative.
    const fd = openProgram(next, sys);
    if (fd === undefined) return;
    if (tree.isOnProcfs(fd)) throw notExecutable(next, 'it is on procfs');
    next = interpreterOf(fd, sys);
    sys.close(fd);
  }
}

/** Undefined where the container's user may not read it: then it is no script, which must be readable to run. */
function openProgram(path: string, sys: Syscalls): number | undefined {
  try {
    return sys.openat2(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, RESOLVE_NO_MAGICLINKS);
  } catch (error) {
    if (failedWith(error, 'ELOOP')) throw notExecutable(path, 'it leads through a link of procfs');
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
}

function interpreterOf(fd: number, sys: Syscalls): string | undefined {
  const start = Buffer.alloc(FIRST_LINE_BYTES);
  const text = start.toString('latin1', 0, sys.read(fd, start));
  return /^#![ \t]*([^ \t\n\0]+)/.exec(text)?.[1];
}

/** What a failed execve means to the user. */
export function execFailure(path: string, error: SyscallError): SandboxError {
  const code = error.code === 'ENOENT' ? 'NOT_FOUND' : 'NOT_EXECUTABLE';
  return new SandboxError(code, path, `exec ${path}: ${errnoMessage(error.code)}`, { cause: error });
}

function notExecutable(path: string, reason: string): SandboxError {
  return new SandboxError('NOT_EXECUTABLE', path, `exec: ${quoted(path)}: ${reason}`);
}

const quoted = (text: string) => JSON.stringify(text);
