import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'fixtures/features');

/** A line of fixtures/features: what Docker's builder does, which of its tests say so, and which cases of ours. */
export interface FeatureRow {
  /** File and line, for messages. */
  readonly place: string;
  readonly feature: string;
  /** Names of BuildKit's tests. */
  readonly provenBy: readonly string[];
  /** Empty: not covered. */
  readonly cases: readonly string[];
}

export function featureRows(): readonly FeatureRow[] {
  return readdirSync(folder)
    .sort()
    .flatMap((file) =>
      readFileSync(join(folder, file), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line, index) => featureRow(`${file}:${index + 1}`, line)),
    );
}

function featureRow(place: string, line: string): FeatureRow {
  const columns = line.split('\t');
  const [feature, provenBy, cases] = columns;
  if (columns.length !== 3 || !feature || !provenBy || !cases)
    throw new Error(`${place}: not three columns with a tab between`);
  return {
    place,
    feature,
    provenBy: provenBy.split(' '),
    cases: cases === '-' ? [] : cases.split(' ; '),
  };
}

const expectations: Readonly<Record<string, readonly string[]>> = {
  dockerfiles: ['llb.json', 'parsed.json', 'error.txt', 'parse-error.txt'],
  contexts: ['expect.json'],
  errors: ['tsbuild.txt'],
};

/** What is wrong with the name of a case; undefined: it exists, and something holds it to an expectation. */
export function caseProblem(name: string): string | undefined {
  const [, path, title] = /^(test\/[^#]+\.test\.ts)#"(.+)"$/.exec(name) ?? [];
  if (path !== undefined && title !== undefined) {
    if (!existsSync(join(root, path))) return `there is no ${path}`;
    return readFileSync(join(root, path), 'utf8').includes(title) ? undefined : `${path} has no "${title}"`;
  }
  const [, table, word] = /^(words)#"(.+)"$/.exec(name) ?? [];
  if (table !== undefined && word !== undefined) {
    const words = readFileSync(join(root, 'fixtures/words.tsv'), 'utf8').split('\n');
    return words.some((line) => line.split('\t')[1] === word) ? undefined : `words.tsv has no word ${word}`;
  }
  const [, kind = '', example = ''] = /^(\w+)\/([^/]+)$/.exec(name) ?? [];
  if (kind === 'builds')
    return existsSync(join(root, `fixtures/builds/${example}.json`)) ? undefined : `there is no ${name}.json`;
  const files = expectations[kind];
  if (files === undefined) return `${name} is no case`;
  const isThere = files.some((file) => existsSync(join(root, 'fixtures', kind, example, file)));
  return isThere ? undefined : `fixtures/${name} has no expectation`;
}
