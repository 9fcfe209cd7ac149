import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'vitest';

const folder = resolve(import.meta.dirname, '../../fixtures/buildkit');

/** A row of a table: what goes in, what BuildKit makes of it, and where tsbuild differs what it makes, and why. */
interface Row {
  readonly in: unknown;
  /** `{ error }`: it is refused, with a message that holds this text. */
  readonly out: unknown;
  readonly ours?: unknown;
  readonly because?: string;
}

interface Table {
  readonly about: string;
  readonly cases: readonly Row[];
}

/** A file of fixtures/buildkit. */
export function buildkitTable<Extra = object>(name: string): Table & Extra {
  return JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')) as Table & Extra;
}

/**
 * Runs every row, prints how many agree with BuildKit and which do not, and fails for each that differs without its
 * reason in the table, or that does not differ any more.
 */
export async function compareWithBuildKit(
  name: string,
  read: (input: never) => unknown,
  { about, cases }: Table = buildkitTable(name),
): Promise<void> {
  const wrong: unknown[] = [];
  const known: string[] = [];
  for (const row of cases) {
    const actual = await outcomeOf(() => read(row.in as never));
    const input = JSON.stringify(row.in);
    if (row.because !== undefined) known.push(`  differs: ${input}: ${row.because}`);
    const expected = row.because === undefined ? row.out : row.ours;
    if (!agrees(actual, expected)) wrong.push({ in: row.in, expected, actual });
    else if (row.because !== undefined && agrees(actual, row.out))
      wrong.push({ in: row.in, agreesAgain: true });
  }
  const count = cases.length - known.length - wrong.length;
  console.log([`${name}: ${count} of ${cases.length} agree. ${about}`, ...known].join('\n'));
  expect(wrong.map((one) => JSON.stringify(one))).toEqual([]);
}

async function outcomeOf(read: () => unknown): Promise<unknown> {
  try {
    const value: unknown = await read();
    return JSON.parse(JSON.stringify(value ?? null));
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** Equal but for the order of an object's fields; of an error the text is a part of the message. */
function agrees(actual: unknown, expected: unknown): boolean {
  const [refused, refusal] = [errorText(actual), errorText(expected)];
  if (refused !== undefined || refusal !== undefined)
    return refused !== undefined && refusal !== undefined && refused.includes(refusal);
  return sorted(actual) === sorted(expected);
}

function errorText(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null && 'error' in value ? String(value.error) : undefined;
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([one], [other]) => (one < other ? -1 : 1)))
      : field,
  );
}
