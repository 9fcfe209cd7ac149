import { renderTemplate } from './template/render.ts';

/** A column of a listing: its heading, and the field of a row that it shows. */
export interface Column<Row> {
  readonly heading: string;
  readonly field: keyof Row & string;
}

/** Aligned columns, three blanks apart, as Docker prints them. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ field }) => String(row[field] ?? ''))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]!.length)));
  return cells
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index]! + 3))
        .join('')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** `--format` of a listing: a Go template a row, `json`, or `table TEMPLATE`. Undefined: the default table. */
export function formatRows<Row extends object>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  format: string | undefined,
): string {
  if (format === undefined || format === 'table') return formatTable(columns, rows);
  if (format === 'json') return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const template = format.replace(/\\t/g, '\t').replace(/\\n/g, '\n');
  if (!template.startsWith('table ')) return rows.map((row) => `${renderTemplate(template, row)}\n`).join('');
  const body = template.slice('table '.length);
  const headings = Object.fromEntries(columns.map(({ heading, field }) => [field, heading]));
  const known = rows[0] ?? {};
  const unnamed = Object.fromEntries(Object.keys(known).map((field) => [field, field.toUpperCase()]));
  const lines = [
    renderTemplate(body, { ...unnamed, ...headings }),
    ...rows.map((row) => renderTemplate(body, row)),
  ];
  return aligned(lines.map((line) => line.split('\t')));
}

function aligned(cells: readonly (readonly string[])[]): string {
  const count = Math.max(...cells.map((line) => line.length));
  const widths = Array.from({ length: count }, (_, index) =>
    Math.max(...cells.map((line) => line[index]?.length ?? 0)),
  );
  return cells
    .map(
      (line) =>
        `${line
          .map((cell, index) => cell.padEnd(widths[index]! + 3))
          .join('')
          .trimEnd()}\n`,
    )
    .join('');
}

/** `3 minutes`, `About an hour`: go-units `HumanDuration`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.round(minutes / 60);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
