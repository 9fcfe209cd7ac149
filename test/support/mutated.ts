import type { SeededRandom } from './seeded-random.ts';

type Path = readonly (string | number)[];

/** What has no business where something else is expected, and what only looks right. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  '',
  '\0',
  '\ud800',
  '../../etc/passwd',
  '/',
  'x'.repeat(10_000),
  'sha256:',
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'0'.repeat(64)}`,
  [],
  [null],
  [[[[]]]],
  {},
  { length: 5 },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
];

/**
 * Variants of a JSON document as a parser meets them from somebody careless or hostile: each value in turn is replaced
 * by something odd, left out, or doubled; then the text itself is damaged.
 */
export function* mutated(document: unknown, random: SeededRandom, rounds = 3): Generator<string> {
  for (const path of paths(document)) {
    for (let round = 0; round < rounds; round++)
      yield JSON.stringify(replaced(document, path, () => random.pick(ODD)));
    if (path.length > 0) yield JSON.stringify(replaced(document, path, () => undefined));
    yield JSON.stringify(replaced(document, path, (old) => [old, old]));
    yield JSON.stringify(replaced(document, path, (old) => ({ ...Object(old), odd: random.pick(ODD) })));
  }
  const text = JSON.stringify(document);
  for (let round = 0; round < 20 * rounds; round++) {
    const at = random.below(text.length);
    const junk = random.pick([
      '',
      '"',
      '{',
      '}',
      ']',
      ',',
      '\0',
      '\\',
      '\ud800',
      'e999',
      '1',
      ' '.repeat(5000),
    ]);
    yield text.slice(0, at) + junk + text.slice(at + random.below(3));
  }
  for (const whole of [
    '',
    ' ',
    'null',
    '[]',
    '{}',
    '0',
    '"text"',
    `${'['.repeat(50_000)}`,
    `\ufeff${text}`,
    `${text}${text}`,
  ])
    yield whole;
}

function paths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => paths(inner, [...path, name]))];
}

function replaced(value: unknown, [first, ...rest]: Path, change: (old: unknown) => unknown): unknown {
  if (first === undefined) return change(value);
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[first] = replaced(copy[first], rest, change);
  return copy;
}
