import { fileCalls } from './file-calls.ts';
import { createInvoke } from './invoke.ts';
import { mountCalls } from './mount-calls.ts';
import { processCalls } from './process-calls.ts';
import type { Syscalls } from './syscalls.ts';

let made: Syscalls | undefined;

/** The real kernel. */
export function libc(): Syscalls {
  if (made === undefined) {
    const invoke = createInvoke();
    made = { ...mountCalls(invoke), ...fileCalls(invoke), ...processCalls(invoke) };
  }
  return made;
}
