import { visible } from '../text/visible.ts';
import type { Columns } from './columns.ts';
import type { DockerfileError, DockerfileSource, SourceRange } from './source.ts';

export interface ExcerptOptions {
  /** Use terminal colours. */
  readonly colour?: boolean;
  /** What to underline. */
  readonly columns?: Columns | undefined;
}

/** Lines shown before and after those that are meant. */
const around = 2;
/** Lines of one excerpt; a longer one is cut at its end. */
const mostLines = 12;
/** Characters of a line; a longer one is cut around what is underlined. */
const longestLine = 160;

const rule = '-'.repeat(20);

type Paint = (text: string) => string;

const paint =
  (code: number, colour: boolean): Paint =>
  (text) =>
    colour ? `\x1b[${code}m${text}\x1b[0m` : text;

/** An error for a terminal: place, excerpt with the wrong words underlined, message, hint. No newline at the end. */
export async function renderError(error: DockerfileError, colour = false): Promise<string> {
  const { source, ranges, hint, message } = error;
  const parts: string[] = [];
  if (source !== undefined && ranges.length > 0)
    parts.push(await renderPlace(source, ranges, error.subject, colour));
  return [...parts, ...renderMessage(message, hint, colour)].join('\n');
}

/** What is wrong, and what to do about it: a line each. */
export function renderMessage(message: string, hint: string | undefined, colour: boolean): readonly string[] {
  const error = `${paint(31, colour)('ERROR:')} ${visible(message)}`;
  return hint === undefined ? [error] : [error, `${paint(36, colour)('HINT:')} ${visible(hint)}`];
}

/** The excerpt with the words `subject` underlined where they stand in the first of the ranges. */
export async function renderPlace(
  source: DockerfileSource,
  ranges: readonly SourceRange[],
  subject: string | undefined,
  colour: boolean,
): Promise<string> {
  if (subject === undefined || ranges.length === 0) return renderExcerpt(source, ranges, { colour });
  const { locate } = await import('./columns.ts');
  return renderExcerpt(source, ranges, { colour, columns: locate(source, ranges[0]!, subject) });
}

/** The lines at `ranges` marked with `>>>`, some lines around them, `file:line` above. */
export function renderExcerpt(
  source: DockerfileSource,
  ranges: readonly SourceRange[],
  { colour = false, columns }: ExcerptOptions = {},
): string {
  const lines = source.text
    .replace(/^\ufeff/, '')
    .replace(/\n$/, '')
    .split('\n');
  const first = Math.min(...ranges.map(({ start }) => start));
  const last = Math.min(Math.max(...ranges.map(({ end }) => end)), lines.length);
  const from = Math.max(first - around, 1);
  const to = Math.min(last + around, lines.length, from + mostLines - 1);
  const width = Math.max(String(to).length, 4);
  const rows: string[] = [];
  for (let line = from; line <= to; line++) {
    const marked = ranges.some(({ start, end }) => line >= start && line <= end);
    const here = columns?.line === line ? columns : undefined;
    const { text, underline } = shorten((lines[line - 1] ?? '').replace(/\r+$/, ''), here);
    const mark = marked ? paint(31, colour)('>>>') : '   ';
    rows.push(`${String(line).padStart(width)} | ${mark} ${text}`.trimEnd());
    if (underline !== '') rows.push(`${' '.repeat(width)} |     ${paint(31, colour)(underline)}`);
  }
  if (to < last) rows.push(`${' '.repeat(width)} |     … ${last - to} more lines`);
  const place = paint(1, colour)(`${visible(source.file)}:${first}`);
  return [place, rule, ...rows, rule].join('\n');
}

/** The line as it can be shown, and what goes under it. */
function shorten(line: string, columns: Columns | undefined): { text: string; underline: string } {
  const start = Math.min(columns?.start ?? 0, line.length);
  const from = line.length <= longestLine ? 0 : Math.max(0, Math.min(start - 40, line.length - longestLine));
  const to = Math.min(line.length, from + longestLine);
  const head = from > 0 ? '…' : '';
  const text = `${head}${visible(line.slice(from, to))}${to < line.length ? '…' : ''}`;
  if (columns === undefined) return { text, underline: '' };
  // Tabs stay tabs, so that the marks stand below their words at any tab width.
  const indent = (head + visible(line.slice(from, start))).replace(/[^\t]/g, ' ');
  const length = visible(line.slice(start, Math.min(columns.end, to))).length;
  return { text, underline: indent + '^'.repeat(Math.max(length, 1)) };
}
