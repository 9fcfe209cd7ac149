import { withoutByteOrderMark } from './directives.ts';
import { type Origin, parseError } from './parse-error.ts';

/** Bytes of a line without its newline. */
const longestLine = 65_535;

/** Walks the lines of a text once. */
export class LineReader {
  /** 1-based number of the line that `next()` gave. */
  line = 0;
  /** That line with its newline. */
  raw = '';
  private readonly text: string;
  private offset = 0;

  constructor(
    text: string,
    private readonly origin: Origin,
  ) {
    this.text = withoutByteOrderMark(text);
  }

  /** The next line without its end (`\n`, `\r\n`); undefined after the last. Throws for a line that is too long. */
  next(): string | undefined {
    if (this.offset >= this.text.length) return undefined;
    const newline = this.text.indexOf('\n', this.offset);
    const end = newline < 0 ? this.text.length : newline + 1;
    this.raw = this.text.slice(this.offset, end);
    this.offset = end;
    this.line++;
    let length = newline < 0 ? this.raw.length : this.raw.length - 1;
    this.checkLength(length);
    while (length > 0 && this.raw[length - 1] === '\r') length--;
    return this.raw.slice(0, length);
  }

  private checkLength(length: number): void {
    // A UTF-16 unit takes three bytes at most: short lines need no count.
    if (length * 3 <= longestLine || Buffer.byteLength(this.raw.slice(0, length)) <= longestLine) return;
    throw parseError(
      this.origin,
      { start: this.line, end: this.line },
      'SYNTAX',
      `dockerfile line greater than max allowed size of ${longestLine}`,
      { hint: 'Break the line with continuations, or COPY its contents from a file' },
    );
  }
}
