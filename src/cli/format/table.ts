import { visible } from '../../text/visible.ts';

/** Cells are at least this wide, blanks included; text/tabwriter as Docker sets it up. */
const LEAST = 10;
const GAP = 3;

/** Lines of cells in columns, as Docker prints them. What came from outside cannot move the cursor. */
export function alignColumns(lines: readonly (readonly string[])[]): string {
  const shown = lines.map((cells) => cells.map(visible));
  const widths: number[] = [];
  // The last cell of a line is in no column.
  for (const cells of shown)
    for (const [index, cell] of cells.slice(0, -1).entries())
      widths[index] = Math.max(widths[index] ?? LEAST, width(cell) + GAP);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) =>
        index === cells.length - 1 ? cell : cell + ' '.repeat(widths[index]! - width(cell)),
      )
      .join('');
  return shown.map((cells) => `${line(cells)}\n`).join('');
}

/** Characters, as Go counts them. */
function width(text: string): number {
  return [...text].length;
}
