import { goJson } from './go-json.ts';
import { alignColumns } from './table.ts';
import { renderTemplate } from './template/render.ts';

/** A row of a listing: what templates can ask for. Functions are methods: `{{.Label "key"}}`. */
export type Row = Readonly<Record<string, string | null | ((argument: string) => string)>>;

export interface Listing {
  /** Heading of every field that a row has. */
  readonly headings: Readonly<Record<string, string>>;
  /** Fields of the default table. */
  readonly columns: readonly string[];
}

/** `--format` of a listing: a Go template a row, `json`, `table`, or `table TEMPLATE`. Undefined: the default table. */
export function formatListing(listing: Listing, rows: readonly Row[], format: string | undefined): string {
  const { headings, columns } = listing;
  if (format === undefined || format === 'table') {
    return alignColumns([
      columns.map((field) => headings[field]!),
      ...rows.map((row) => columns.map((field) => String(row[field] ?? ''))),
    ]);
  }
  if (format === 'json' || format === '{{json .}}') return rows.map((row) => `${rowJson(row)}\n`).join('');
  const template = format.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  const body = template.replace(/^table(\s+|$)/, '');
  if (body === template) return rows.map((row) => `${renderTemplate(template, row)}\n`).join('');
  // As Docker has it, a heading is what the template makes of the names of the fields.
  const lines = [headingRow(headings), ...rows].map((row) => renderTemplate(body, row).split('\t'));
  return alignColumns(lines);
}

function headingRow(headings: Listing['headings']): Row {
  return { ...headings, Label: (name) => name };
}

/** As Docker's encoder has it: fields in alphabetical order. */
function rowJson(row: Row): string {
  const fields = Object.entries(row).filter(([, value]) => typeof value !== 'function');
  return goJson(Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1))));
}
