import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { abandonedGroups, noteGroup } from '../../../src/sandbox/cgroup-journal.ts';
import { bundleSource } from '../../support/child-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const source = resolve(import.meta.dirname, '../../../src/sandbox/cgroup-journal.ts');

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

test('abandonedGroups() and noteGroup() of many processes at once leave each other alone', async () => {
  const journal = join(tempFolder(), 'journal');
  const code = `
    import { abandonedGroups, noteGroup } from ${JSON.stringify(`${source}`)};
    for (let round = 0; round < 300; round++) {
      const noted = noteGroup(['/sys/a'], process.argv[2]);
      for (const { forget } of abandonedGroups(process.argv[2])) forget();
      if (round % 3 > 0) noted.forget();
      else noted.keep();
    }`;
  const script = bundleSource(code);
  const run = promisify(execFile);
  await Promise.all(Array.from({ length: 4 }, () => run(process.execPath, [script, journal])));
  for (const { forget } of abandonedGroups(journal)) forget();
  expect(readdirSync(journal)).toEqual([]);
});

test('noteGroup() does without a note where it cannot write one', () => {
  const noted = noteGroup(['/sys/a'], '/dev/null/journal');
  expect(noted.directories).toEqual(['/sys/a']);
  noted.forget();
});
