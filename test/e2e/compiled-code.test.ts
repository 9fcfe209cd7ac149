import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeCommands } from '../support/commands.ts';

describeCommands('the compiled code of a command', (commands) => {
  test('takes in what a build needs that does more than those before, once', async () => {
    const directory = join(commands().folder, '.cache/tsbuild/code');
    const state = () => {
      const { size, ino } = statSync(
        join(directory, readdirSync(directory).find((name) => name.startsWith('tsbuild-'))!),
      );
      return { size, ino };
    };
    await commands().build('FROM busybox\nLABEL a=b\n');
    const first = state();
    expect((await commands().build('FROM busybox\nRUN true\n')).code).toBe(0);
    const second = state();
    expect(second.size).toBeGreaterThan(first.size + 50_000);
    expect((await commands().build('FROM busybox\nRUN true; true\n')).code).toBe(0);
    expect(state()).toEqual(second);
    await commands().build('FROM busybox\nLABEL a=b\n');
    expect(state()).toEqual(second);
  });
});
