import { Writable } from 'node:stream';
import { displayWidth } from '../../src/cli/format/display-width.ts';

/** A terminal in memory: keeps what is shown, and scrolls. Knows what progress views use; anything else is an error. */
export class Screen extends Writable {
  readonly columns: number;
  readonly rows: number;
  /** Each write as it came. */
  readonly writes: string[] = [];
  #lines: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns = 40, rows = 12) {
    super({ decodeStrings: false });
    this.columns = columns;
    this.rows = rows;
  }

  /** All lines, those that have scrolled away included, without blanks and empty lines at the end. */
  get text(): string {
    return this.#lines
      .map((cells) => cells.join('').trimEnd())
      .join('\n')
      .trimEnd();
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.writes.push(chunk);
    for (const [token] of chunk.matchAll(/\x1b\[[0-9;?]*[A-Za-z]|[\s\S]/gu)) this.#take(token);
    done();
  }

  #take(token: string): void {
    if (token === '\n') this.#newLine();
    else if (token === '\r') this.#column = 0;
    else if (token.startsWith('\x1b')) this.#instruct(token.slice(2, -1), token.at(-1)!);
    else this.#put(token);
  }

  #instruct(parameter: string, command: string): void {
    const top = Math.max(0, this.#lines.length - this.rows);
    if (command === 'A') this.#row = Math.max(top, this.#row - Number(parameter || 1));
    else if (command === 'K') this.#line.length = Math.min(this.#line.length, this.#column);
    else if (command === 'J') {
      this.#line.length = Math.min(this.#line.length, this.#column);
      this.#lines.length = this.#row + 1;
    } else if (command !== 'm' && parameter !== '?2026') throw new Error(`Unknown instruction ${command}`);
  }

  #put(character: string): void {
    const width = displayWidth(character);
    if (this.#column + width > this.columns) this.#newLine();
    while (this.#line.length < this.#column) this.#line.push(' ');
    this.#line.splice(this.#column, width, character, ...(width === 2 ? [''] : []));
    this.#column += width;
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    while (this.#lines.length <= this.#row) this.#lines.push([]);
  }

  get #line(): string[] {
    return this.#lines[this.#row]!;
  }
}
