import type { CommandLine } from '../instructions.ts';
import type { StageState } from './state.ts';

/** The arguments that a command is run with: shell form is one argument of the stage's SHELL. */
export function commandArguments(state: StageState, command: CommandLine): readonly string[] {
  return command.form === 'exec' ? command.args : inShell(state, command.text);
}

export function inShell(state: StageState, text: string): readonly string[] {
  const { Shell } = state.config;
  return [...(Shell === undefined || Shell.length === 0 ? ['/bin/sh', '-c'] : Shell), text];
}

/** `["a" "b c"]`, as Go's %q prints a list of strings. */
export function quotedList(words: readonly string[]): string {
  return `[${words.map((word) => quoted(word)).join(' ')}]`;
}

function quoted(word: string): string {
  return JSON.stringify(word).replace(/\\u00([01][0-9a-f])/g, (_, hex: string) => SHORT[hex] ?? `\\x${hex}`);
}

/** Control characters with letters of their own in Go but not in JSON. */
const SHORT: Readonly<Record<string, string>> = { '07': '\\a', '0b': '\\v' };
