import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeError } from '../../../src/cli/describe-error.ts';
import { UsageError } from '../../../src/cli/usage-error.ts';
import { SandboxError } from '../../../src/sandbox/sandbox.ts';

const describe = (error: unknown) => describeError(error, { program: 'tsrun', failure: 125, colour: false });

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

test.each([
  [new UsageError('no such flag'), "tsrun: no such flag.\nSee 'tsrun --help'.", 125],
  [new SandboxError('NOT_FOUND', 'x', 'exec: "x": not found'), 'tsrun: exec: "x": not found', 127],
  [new SandboxError('NOT_EXECUTABLE', 'x', 'exec: "x": denied'), 'tsrun: exec: "x": denied', 126],
  [new SandboxError('SYSTEM', 'x', 'Cannot mount'), 'tsrun: Cannot mount', 125],
  [thrown(() => readFileSync('/nosuch/file')), 'tsrun: open /nosuch/file: no such file or directory', 125],
  ['text', 'tsrun: text', 125],
  [new Error('from "\x1b[31mafar\u009b"'), 'tsrun: from "\\x1b[31mafar\\x9b"', 125],
])('describeError() of %s', async (error, text, exitCode) => {
  expect(await describe(error)).toEqual({ text, exitCode });
});
