import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const file = 'fixtures/runtime-behaviours.tsv';

/** A line of fixtures/runtime-behaviours.tsv: what another runtime's tests hold, and which of ours hold it. */
export interface BehaviourRow {
  /** File and line, for messages. */
  readonly place: string;
  readonly behaviour: string;
  /** `RUNTIME/FILE#TESTS`. */
  readonly sources: readonly string[];
  /** `FILE#"TITLE"`. Empty with a reason: it does not apply; without: it is open. */
  readonly tests: readonly string[];
  /** Why it does not apply. */
  readonly reason?: string;
}

export function behaviourRows(): readonly BehaviourRow[] {
  return readFileSync(join(root, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line, index) => ({ line, place: `${file}:${index + 1}` }))
    .filter(({ line }) => !line.startsWith('#'))
    .map(({ line, place }) => behaviourRow(place, line));
}

function behaviourRow(place: string, line: string): BehaviourRow {
  const columns = line.split('\t');
  const [behaviour, sources, held] = columns;
  if (columns.length !== 3 || !behaviour || !sources || !held)
    throw new Error(`${place}: not three columns with a tab between`);
  return {
    place,
    behaviour,
    sources: sources.split(' ; '),
    tests: held === '?' || held.startsWith('- ') ? [] : held.split(' ; '),
    ...(held.startsWith('- ') && { reason: held.slice(2) }),
  };
}

/** What is wrong with the name of a test; undefined: its file has one with such a title. */
export function testProblem(name: string): string | undefined {
  const [, path, title] = /^(test\/[^#]+\.test\.ts)#"(.+)"$/.exec(name) ?? [];
  if (path === undefined || title === undefined) return `${name} names no test`;
  if (!existsSync(join(root, path))) return `there is no ${path}`;
  return readFileSync(join(root, path), 'utf8').includes(title) ? undefined : `${path} has no "${title}"`;
}
