import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { abandonedGroups, noteGroup } from '../../../src/sandbox/cgroup-journal.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('abandonedGroups() finds the groups of those who let go of them, each for one to look after', () => {
  const journal = join(tempFolder(), 'deep/journal');
  expect(abandonedGroups(journal)).toEqual([]);
  const mine = noteGroup(['/sys/a', '/sys/b'], journal);
  expect(abandonedGroups(journal)).toEqual([]);
  mine.keep(); // As when the process ends.
  const [found, ...others] = abandonedGroups(journal);
  expect([found?.directories, others]).toEqual([['/sys/a', '/sys/b'], []]);
  expect(abandonedGroups(journal)).toEqual([]);
  found!.keep();
  abandonedGroups(journal)[0]!.forget();
  expect(readdirSync(journal)).toEqual([]);
});

test('forget() does not mind that another process has removed the note', () => {
  const journal = join(tempFolder(), 'journal');
  const mine = noteGroup(['/sys/a'], journal);
  rmSync(journal, { recursive: true });
  expect(() => mine.forget()).not.toThrow();
});

test('noteGroup() does without a note where it cannot write one', () => {
  const noted = noteGroup(['/sys/a'], '/dev/null/journal');
  expect(noted.directories).toEqual(['/sys/a']);
  noted.forget();
});
