import { Command } from 'commander';
import { expect, test } from 'vitest';
import { buildNotices, declareAccepted } from '../../../src/cli/build-notices.ts';

function notices(...args: readonly string[]): readonly string[] {
  const command = new Command('x').exitOverride();
  declareAccepted(command);
  return buildNotices(command.parse(args, { from: 'user' }).opts());
}

test('buildNotices() says once of each option why it has no effect', () => {
  expect(notices('--load', '--security-opt', 'a', '--security-opt', 'b', '--builder', 'x')).toEqual([
    '--builder has no effect: there is one builder, this program',
    '--load has no effect: the image is in the store in any case',
    '--security-opt has no effect: steps have the default security options, or --allow security.insecure',
  ]);
});

test.each([['--rm'], ['--force-rm'], ['--isolation', 'default']])(
  'buildNotices() says nothing about %s %s, which asks for what is so',
  (...args) => {
    expect(notices(...args)).toEqual([]);
  },
);

test('buildNotices() refuses a policy rather than building against it', () => {
  expect(() => notices('--policy', 'x')).toThrow('--policy is not supported');
});
