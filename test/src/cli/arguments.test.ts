import { Command } from 'commander';
import { expect, test } from 'vitest';
import { normaliseArguments } from '../../../src/cli/arguments.ts';

function parse(args: readonly string[], passThrough = true) {
  const command = new Command('x')
    .option('-i, --interactive')
    .option('-t, --tty')
    .option('-e, --env <value>')
    .option('--sig-proxy')
    .option('--no-sig-proxy')
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return normaliseArguments(args, command, { passThrough });
}

test.each([
  [
    ['-it', 'image', '-e'],
    ['-i', '-t', 'image', '-e'],
  ],
  [
    ['-ite', 'A=1', 'image'],
    ['-i', '-t', '-e', 'A=1', 'image'],
  ],
  [
    ['-iteA=1', 'image'],
    ['-i', '-t', '-e', 'A=1', 'image'],
  ],
  [
    ['-e=A=1', 'image'],
    ['-e', 'A=1', 'image'],
  ],
  [
    ['--env', '--tty', 'image'],
    ['--env', '--tty', 'image'],
  ],
  [
    ['--env=--tty', 'image'],
    ['--env=--tty', 'image'],
  ],
  [
    ['--tty=true', 'image'],
    ['--tty', 'image'],
  ],
  [['--tty=false', 'image'], ['image']],
  [
    ['-i=0', '-t=T', 'image'],
    ['-t', 'image'],
  ],
  [
    ['--tty', '--tty=false', '-t', 'image'],
    ['-t', 'image'],
  ],
  [['--tty', '--tty=false', 'image'], ['image']],
  [
    ['--sig-proxy=false', 'image'],
    ['--no-sig-proxy', 'image'],
  ],
  [
    ['--unknown', '--unknown=1', '-x', 'image'],
    ['--unknown', '--unknown=1', '-x', 'image'],
  ],
  [
    ['--', '-t=false'],
    ['--', '-t=false'],
  ],
  [
    ['image', '-t=false', '--tty=false'],
    ['image', '-t=false', '--tty=false'],
  ],
  [['-e'], ['-e']],
])('normaliseArguments() makes %j to %j', (args, expected) => {
  expect(parse(args)).toEqual(expected);
});

test('normaliseArguments() goes on behind operands, where options may stand there', () => {
  expect(parse(['context', '--tty=false', '-i=true', '-'], false)).toEqual(['context', '-i', '-']);
});

test('normaliseArguments() refuses a boolean that is none', () => {
  expect(() => parse(['--tty=maybe', 'image'])).toThrow('invalid argument "maybe"');
});
