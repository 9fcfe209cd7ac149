import { Command } from 'commander';
import { expect, test } from 'vitest';
import { normaliseArguments } from '../../../src/cli/arguments.ts';
import { DeferredOptions } from '../../../src/cli/deferred-options.ts';
import { allOptions } from '../../support/all-options.ts';

function declared() {
  const command = new Command('x')
    .argument('[words...]')
    .passThroughOptions()
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  new DeferredOptions(command)
    .group('First:')
    .option('--env-file <file>', 'a file')
    .option('-i, --interactive', 'with input')
    .group('Second:')
    .list('-e, --env <NAME=value>', 'a variable')
    .list('--net, --network <[name:]alias>', 'a network')
    .hidden('--no-interactive');
  return command;
}

function parsed(...args: readonly string[]) {
  const command = declared();
  command.parse(normaliseArguments(args, command, { passThrough: true }), { from: 'user' });
  return { values: command.opts(), options: command.options.map(({ flags }) => flags) };
}

test('DeferredOptions declares those that arguments name, by any of their names, and no other', () => {
  expect(parsed('word', '--env', '-i')).toEqual({ values: {}, options: [] });
  expect(parsed('-ieA=1', '--env=B=2')).toEqual({
    values: { interactive: true, env: ['A=1', 'B=2'] },
    options: ['-i, --interactive', '-e, --env <NAME=value>'],
  });
  expect(parsed('--net', 'a', '--network=b').values).toEqual({ network: ['a', 'b'] });
  expect(parsed('--interactive=false').values).toEqual({ interactive: false });
});

test('DeferredOptions declares all for a name that none of them has, so that the right one is suggested', () => {
  expect(() => parsed('--env', 'A=1', '--interactiv')).toThrow('Did you mean --interactive?');
});

test('DeferredOptions declares all in the order in which they were told, whichever were given', () => {
  const command = declared();
  const before = allOptions(declared()).map(({ flags }) => flags);
  normaliseArguments(['-e', 'A=1', '-i'], command, { passThrough: true });
  expect(allOptions(command).map(({ flags }) => flags)).toEqual(before);
  const help = command.helpInformation();
  expect(help.indexOf('First:')).toBeLessThan(help.indexOf('Second:'));
  expect(help).not.toContain('--no-interactive');
});
