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
