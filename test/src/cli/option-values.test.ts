import { Command } from 'commander';
import { expect, test } from 'vitest';
import { listOption } from '../../../src/cli/option-values.ts';

test('listOption() collects values in order, also of an option whose name begins with --no-', () => {
  const command = new Command();
  listOption(command, '--no-cache-filter <stage>', 'stages');
  expect(command.opts()).toEqual({});
  command.parse(['--no-cache-filter', 'a', '--no-cache-filter=b'], { from: 'user' });
  expect(command.opts()).toEqual({ noCacheFilter: ['a', 'b'] });
});
