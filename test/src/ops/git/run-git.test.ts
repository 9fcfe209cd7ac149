import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runGit } from '../../../../src/ops/git/run-git.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const hasGit = (process.env.PATH ?? '').split(':').some((path) => existsSync(join(path, 'git')));
if (!hasGit) console.warn('Skipping runs of git: there is no git');

const options = (PATH = process.env.PATH) => ({
  environment: { PATH },
  protocols: [],
  signal: new AbortController().signal,
  log: () => {},
});

test.skipIf(!hasGit)('runGit() has git make files that all can read, and leaves its own umask', async () => {
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const umask = vi.spyOn(process, 'umask');
  const folder = tempFolder();
  await runGit(folder, ['init', '--quiet', 'a "$(b)" c'], options());
  expect(umask).not.toHaveBeenCalled();
  umask.mockRestore();
  const made = join(folder, 'a "$(b)" c');
  expect(statSync(made).mode & 0o777).toBe(0o755);
  expect(statSync(join(made, '.git/HEAD')).mode & 0o777).toBe(0o644);
});

test.skipIf(!hasGit)('runGit() throws with what git said', async () => {
  await expect(runGit(tempFolder(), ['rev-parse', 'HEAD'], options())).rejects.toThrow(
    /^git rev-parse failed: fatal: not a git repository/,
  );
});

test('runGit() says so where there is no git', async () => {
  await expect(runGit(tempFolder(), ['init'], options(tempFolder()))).rejects.toThrow(
    'Cannot read a git repository: git is not installed',
  );
});
