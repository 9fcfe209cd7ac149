import type { Outline, OutlineMount, Target } from '../../index.ts';

export function outlineText({ name, description, args, secrets, ssh }: Outline): string {
  const title = [
    ...(name === undefined ? [] : [['TARGET:', name]]),
    ...(description === undefined ? [] : [['DESCRIPTION:', description]]),
  ];
  const mounts = (heading: string, list: readonly OutlineMount[]) =>
    block(
      [heading, 'REQUIRED'],
      list.map(({ id, required }) => [id, required ? 'true' : '']),
    );
  return [
    title.length === 0 ? '' : `${columns(title, 1)}\n`,
    block(
      ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
      args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? '']),
    ),
    mounts('SECRET', secrets),
    mounts('SSH', ssh),
  ].join('');
}

export function targetsText(targets: readonly Target[]): string {
  const rows = targets.map((target) => [
    [target.name ?? '', target.default ? '(default)' : ''].filter((word) => word !== '').join(' '),
    target.description ?? '',
  ]);
  return columns([['TARGET', 'DESCRIPTION'], ...rows], 1);
}

/** A table and an empty line; nothing for no rows. */
function block(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `${columns([headings, ...rows], 3)}\n`;
}

/** Cells in columns, `gap` blanks apart; the last column is not filled up. */
function columns(rows: readonly (readonly string[])[], gap: number): string {
  const widths = rows[0]!.map((_, index) => Math.max(...rows.map((row) => row[index]!.length)) + gap);
  const line = (row: readonly string[]) =>
    row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index]!))).join('');
  return rows.map((row) => `${line(row)}\n`).join('');
}
