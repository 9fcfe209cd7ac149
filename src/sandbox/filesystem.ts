import { errnoMessage, SyscallError } from '../linux/errno.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import type { FsParameter } from './plan.ts';
import { SandboxError } from './sandbox.ts';

/** A new file system as a detached mount. `what` names it in errors. */
export function newFilesystem(
  type: string,
  parameters: readonly FsParameter[],
  attributes: number,
  what: string,
  sys: Syscalls,
): number {
  const context = kernelSays(what, undefined, sys, () => sys.fsopen(type));
  for (const [key, value] of parameters)
    kernelSays(`${what} with "${value === undefined ? key : `${key}=${value}`}"`, context, sys, () =>
      sys.fsconfig(context, key, value),
    );
  return makeFilesystem(context, attributes, what, sys);
}

/** Creates what `context` describes. */
export function makeFilesystem(context: number, attributes: number, what: string, sys: Syscalls): number {
  return kernelSays(what, context, sys, () => sys.fsmount(context, attributes));
}

/** Adds the context's own words to the error, where it has some. */
function kernelSays<T>(what: string, context: number | undefined, sys: Syscalls, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const words = context === undefined ? '' : sys.fsMessages(context);
    const reason = errnoMessage(error.code) + (words === '' ? '' : ` (${words})`);
    throw new SandboxError('SYSTEM', what, `Cannot mount ${what}: ${reason}`, { cause: error });
  }
}
