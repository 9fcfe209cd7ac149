import type { Writable } from 'node:stream';
import { displayWidth } from '../format/display-width.ts';

/** A terminal, as far as its size is known. */
export type Screen = Writable & { readonly columns?: number; readonly rows?: number };

const UP = (rows: number) => `\x1b[${rows}A`;
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
/** Terminals that know this show what is between at once; others pass over it. */
const [BEGIN, END] = ['\x1b[?2026h', '\x1b[?2026l'];

/**
 * The last lines on a terminal, redrawn in place: over the old ones and in a single write, so that nothing flickers.
 * Lines of the region must be printable, and no wider than the terminal.
 */
export class LiveRegion {
  readonly #screen: Screen;
  #lines: readonly string[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get columns(): number {
    return this.#screen.columns || 80;
  }

  get rows(): number {
    return this.#screen.rows || 24;
  }

  /** Puts `permanent` lines, of any width, above the region, which then shows `lines`. `paint` colours a line. */
  draw(permanent: readonly string[], lines: readonly string[], paint = (line: string) => line): void {
    if (permanent.length === 0 && lines.length === 0 && this.#lines.length === 0) return;
    const before = this.#height();
    const text = [...permanent, ...lines.map(paint)].map((line) => `${line}${CLEAR_LINE}\n`).join('');
    this.#screen.write(`${BEGIN}${before > 0 ? UP(before) : ''}\r${text}${CLEAR_BELOW}${END}`);
    this.#lines = lines;
  }

  /** Rows that the region takes: more than lines, when the terminal has become narrower since. */
  #height(): number {
    return this.#lines.reduce(
      (rows, line) => rows + Math.max(1, Math.ceil(displayWidth(line) / this.columns)),
      0,
    );
  }
}
