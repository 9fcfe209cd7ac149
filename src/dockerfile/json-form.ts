import { trimStart } from './blank.ts';

/**
 * Reads arguments in JSON form (`["a", "b"]`). Anything that is not one whole JSON array is not an error but the other
 * form (shell text or words): undefined. `not-strings`: an array with something other than strings, which is an error.
 */
export function readJsonForm(text: string): readonly string[] | 'not-strings' | undefined {
  if (!trimStart(text).startsWith('[')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const elements = value as readonly unknown[];
  return elements.every((element) => typeof element === 'string') ? elements : 'not-strings';
}

/** Whether the text is meant as a JSON array but is none, mostly for its quotes: `['echo', 'hi']`. A shell's `[ -f x ]` is not. */
export function isFailedJson(text: string): boolean {
  return /^\s*\[\s*["'\u2018-\u201f]/.test(text) && readJsonForm(text) === undefined;
}

/** A failed array as it was meant, as far as its quotes are to blame. */
export function meantJson(text: string): string | undefined {
  const meant = text.trim().replace(/['\u2018-\u201f]/g, '"');
  return Array.isArray(readJsonForm(meant)) ? meant : undefined;
}
