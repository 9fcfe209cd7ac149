import { libc } from '../linux/libc.ts';
import { writeWhatFits } from '../linux/own-output.ts';
import {
  terminalModes as modesOf,
  type TerminalModes,
  type WindowSize,
  windowSizeOf,
} from '../linux/own-terminal.ts';

export type { TerminalModes, WindowSize };

/** Modes of the terminal that a descriptor of this process is: raw while a container has it, and put back then. */
export function terminalModes(fd: number): TerminalModes | undefined {
  return modesOf(fd, libc());
}

/** Size of the terminal that a descriptor of this process is. */
export function windowSize(fd: number): WindowSize | undefined {
  return windowSizeOf(fd, libc());
}

/** Writes to a descriptor of this process what it takes without waiting for a reader; the number of bytes. */
export function writeNow(fd: number, bytes: Uint8Array): number {
  return writeWhatFits(fd, bytes, libc());
}
