import { familiarName, parseReference } from '../../layers/index.ts';

/** Under which an image's name and a `--build-context` of that name meet: the short form, without `:latest`. */
export function contextKey(name: string): string {
  try {
    return familiarName(parseReference(name)).replace(/:latest$/, '');
  } catch {
    return name;
  }
}
