import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-table.ts';
import { allOptions } from '../../support/all-options.ts';

const documented = readFileSync(new URL('../../../fixtures/docker-options.tsv', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t') as [command: string, option: string]);

const present = [...new Set(documented.map(([name]) => name))].filter((name) =>
  Object.hasOwn(COMMANDS, name),
);

test.each(present)(
  'tsctr %s knows every option of docker’s, each with or without a value as there',
  async (name) => {
    const command = new Command(name);
    (await COMMANDS[name]!.load()).declare(command, () => {});
    const options = allOptions(command);
    const known = new Map(options.map((option) => [option.long, option]));
    const wrong = documented
      .filter(([of]) => of === name)
      .map(([, option]) => /^(?:(-\w), )?(--[\w-]+)(?: (.+))?$/.exec(option)!)
      .filter(([, short, long, value]) => {
        if (long === '--help') return false;
        const option = known.get(long) ?? options.find(({ flags }) => flags.includes(`${long},`));
        return (
          option === undefined ||
          (short && option.short !== short) ||
          option.required !== (value !== undefined)
        );
      });
    expect(wrong.map(([text]) => text)).toEqual([]);
  },
);

test('the list of docker’s options covers running and executing', () => {
  expect(present).toEqual(expect.arrayContaining(['run', 'exec']));
  expect(documented.filter(([name]) => name === 'run').length).toBe(100);
});
