/** Further than this is another word, not a slip. */
const farthest = 2;

/**
 * The option that was probably meant: the nearest by edit distance, at most two edits away, the first in order among
 * equals. Undefined when none is near, when no letter of the word would stay, or when the word is one of them.
 */
export function suggest(word: string, options: readonly string[]): string | undefined {
  let best: string | undefined;
  let nearest = farthest + 1;
  for (const option of options) {
    if (option === word) return undefined;
    const distance = editDistance(word, option);
    if (distance < nearest && distance < word.length) [best, nearest] = [option, distance];
  }
  return best;
}

/** `suggest()` that ignores case and answers in the case of the word. */
export function suggestInCase(word: string, options: readonly string[]): string | undefined {
  const found = suggest(
    word.toLowerCase(),
    options.map((option) => option.toLowerCase()),
  );
  return word === word.toUpperCase() ? found?.toUpperCase() : found;
}

/** ` (did you mean X?)`, or nothing: the tail of a message. */
export function didYouMean(suggestion: string | undefined): string {
  return suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`;
}

/**
 * Insertions, deletions, replacements and exchanges of neighbours. Words whose lengths differ too much are not compared.
 */
function editDistance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > farthest) return farthest + 1;
  let before: readonly number[] = [];
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      const exchanged = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current.push(
        Math.min(
          previous[column - 1]! + (same ? 0 : 1),
          previous[column]! + 1,
          current[column - 1]! + 1,
          exchanged ? before[column - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [before, previous] = [previous, current];
  }
  return previous[other.length]!;
}
