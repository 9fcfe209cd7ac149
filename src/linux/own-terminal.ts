import { TCGETS, TCSETSW, TIOCGWINSZ } from './constants.ts';
import { failedWith } from './errno.ts';
import type { Syscalls } from './syscalls.ts';

/** Size in characters. */
export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** Of the terminal that `fd` is; undefined for anything else, or when it is gone. tty_ioctl(4), struct winsize. */
export function windowSizeOf(fd: number, sys: Syscalls): WindowSize | undefined {
  const size = new Uint16Array(4);
  if (!whileThere(() => sys.ioctl(fd, TIOCGWINSZ, new Uint8Array(size.buffer)))) return undefined;
  return { rows: size[0]!, columns: size[1]! };
}

/** False when there is no terminal, or it has been hung up: nobody is left then whom its state could concern. */
function whileThere(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (failedWith(error, 'EIO', 'ENOTTY')) return false;
    throw error;
  }
}

/** The modes of a terminal: they outlive this process, so that whoever changes them must put them back. */
export interface TerminalModes {
  /** Every key is passed on, and what is written is not translated: both are the inner terminal's business. */
  makeRaw(): void;
  restore(): void;
}

/** The kernel's struct termios: four words of flags, the line discipline, control characters. */
const SIZE = 36;
const INPUT = 0;
const OUTPUT = 4;
const CONTROL = 8;
const LOCAL = 12;
const CHARACTERS = 17;
const VTIME = 5;
const VMIN = 6;

/** termios(3), "cfmakeraw": IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON. */
const INPUT_OFF = 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000;
/** OPOST. */
const OUTPUT_OFF = 0o1;
/** ECHO ECHONL ICANON ISIG IEXTEN. */
const LOCAL_OFF = 0o10 | 0o100 | 0o2 | 0o1 | 0o100000;
/** CSIZE PARENB, and CS8. */
const CONTROL_OFF = 0o60 | 0o400;
const CS8 = 0o60;

/** Remembers the modes that the terminal has now; undefined when there is none. */
export function terminalModes(fd: number, sys: Syscalls): TerminalModes | undefined {
  const saved = Buffer.alloc(SIZE);
  if (!whileThere(() => sys.ioctl(fd, TCGETS, saved))) return undefined;
  const raw = rawModes(saved);
  const set = (modes: Buffer) => () => {
    whileThere(() => sys.ioctl(fd, TCSETSW, modes));
  };
  return { makeRaw: set(raw), restore: set(saved) };
}

/** Node's own raw mode goes on translating output, which breaks programs that move the cursor by line feeds. */
function rawModes(saved: Buffer): Buffer {
  const raw = Buffer.from(saved);
  const change = (offset: number, off: number, on = 0) =>
    raw.writeUInt32LE(((raw.readUInt32LE(offset) & ~off) | on) >>> 0, offset);
  change(INPUT, INPUT_OFF);
  change(OUTPUT, OUTPUT_OFF);
  change(CONTROL, CONTROL_OFF, CS8);
  change(LOCAL, LOCAL_OFF);
  raw.writeUInt8(1, CHARACTERS + VMIN);
  raw.writeUInt8(0, CHARACTERS + VTIME);
  return raw;
}
