import { expect, test } from 'vitest';
import { notFound } from '../../../../src/ops/file/not-found.ts';
import { LocalTree } from '../../../../src/ops/source-local.ts';
import { MemoryTree } from '../../../support/memory-tree.ts';

const FILES = { '/requirements.txt': '', '/src/main.ts': '', '/docs/keep.md': '', '/docs/other.md': '' };
const context = new LocalTree('/home/me/app', new MemoryTree(FILES), ['docs/*', '!docs/keep.md']);
const told = (path: string, display = path, tree: LocalTree | MemoryTree = context) => {
  const { message, hint, subject } = notFound(tree, path, display);
  return { message, hint, subject };
};

test('notFound() suggests what is nearly called so, written as the user would', () => {
  expect(told('/requirments.txt', 'requirments.txt')).toEqual({
    message: '"/requirments.txt": not found in the build context',
    hint: 'Did you mean requirements.txt?',
    subject: 'requirments.txt',
  });
  expect(told('/SRC/main.ts').hint).toBe('Did you mean /src/main.ts?');
});

test('notFound() does not suggest a name below which the rest is missing', () => {
  expect(told('/scr/index.ts', 'scr/index.ts').hint).toBe('Paths start at the build context, /home/me/app');
});

test('notFound() tells what .dockerignore hides', () => {
  expect(told('/docs/other.md', 'docs/other.md')).toMatchObject({
    message: '"/docs/other.md": not found in the build context: .dockerignore leaves it out',
    hint: expect.stringContaining('take it back with a line !docs/other.md'),
  });
});

test.each([
  ['../shared/config.yml', '../shared'],
  ['../config.yml', '..'],
  ['a/../../../b/c', '../../b'],
  ['..', '..'],
])('notFound() tells that %s is outside of the context', (display, outside) => {
  const { message, hint } = told('/x', display);
  expect(message).toBe(
    `"${display}": not found: it is outside the build context, whose files alone can be copied`,
  );
  expect(hint).toContain(`--build-context NAME=${outside} and`);
});

test('notFound() knows that other trees are no context', () => {
  expect(told('/etc/paswd', '/etc/paswd', new MemoryTree({ '/etc/passwd': '' }))).toMatchObject({
    message: '"/etc/paswd": not found in the stage or image that it is copied from',
    hint: 'Did you mean /etc/passwd?',
  });
});
