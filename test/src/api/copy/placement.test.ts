import { describe, expect, test } from 'vitest';
import { type CopyDestination, placementOf, splitEntry } from '../../../../src/api/copy/placement.ts';

describe('splitEntry()', () => {
  test.each([
    ['/a/b', '/a', 'b'],
    ['/a/b/', '/a', 'b'],
    ['/a/b/.', '/a/b', '.'],
    ['/a', '/', 'a'],
    ['/', '/', '.'],
    ['/a/../b', '/', 'b'],
    ['a', '.', 'a'],
    ['.', '.', '.'],
  ])('%s is in %s and called %s', (path, directory, name) => {
    expect(splitEntry(path)).toEqual({ directory, name });
  });
});

/** The table of `docker cp`: source, destination, where it goes or what is said. */
const RULES: readonly [string, boolean, string, CopyDestination['found'], string][] = [
  ['/f', false, '/new', 'nothing', '/ new'],
  ['/f', false, '/new/', 'nothing', 'no such directory'],
  ['/f', false, '/new/.', 'nothing', 'no such directory'],
  ['/f', false, '/old', 'other', '/ old'],
  ['/f', false, '/d', 'directory', '/d f'],
  ['/f', false, '/d/', 'directory', '/d/ f'],
  ['/s', true, '/new', 'nothing', '/ new'],
  ['/s', true, '/new/', 'nothing', '/ new'],
  ['/s/.', true, '/new', 'nothing', '/ new'],
  ['/s', true, '/old', 'other', 'cannot copy directory'],
  ['/s', true, '/d', 'directory', '/d s'],
  ['/s/', true, '/d', 'directory', '/d s'],
  ['/s/.', true, '/d', 'directory', '/d .'],
  ['/', true, '/d', 'directory', '/d .'],
];

describe('placementOf()', () => {
  test.each(RULES)(
    '%s (directory: %s) to %s, where there is %s: %s',
    (source, isDirectory, path, found, expected) => {
      let said: string;
      try {
        const { directory, name } = placementOf({ path: source, isDirectory }, { path, found });
        said = `${directory} ${name}`;
      } catch (error) {
        said = (error as Error).message;
      }
      expect(said).toBe(expected);
    },
  );
});
