// npm run budgets: counts what commands do and holds it against test/budgets/budgets.json. Options:
//   --explain   shows every count, and writes each call of each workload into a file
//   --measure   sets the budgets anew from what is counted now
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const modes = { '--explain': 'explain', '--measure': 'measure' };
const [option] = process.argv.slice(2);
if (option !== undefined && !(option in modes))
  throw new Error(`There is no ${option}: use --explain or --measure`);
const env = {
  ...process.env,
  BUDGETS: modes[option] ?? '',
  BUDGETS_FOLDER: join(tmpdir(), 'tsbuild-budgets'),
};
const { status } = spawnSync('npx', ['vitest', 'run', 'test/budgets', '--reporter=verbose'], {
  env,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
