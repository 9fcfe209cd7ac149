const BLANK = /\s/;

/** Cuts a text into words while it comes into being, at the blanks of those pieces that may be cut. */
export class WordSplitter {
  readonly #words: string[] = [];
  #word = '';

  add(piece: string, splits: boolean): void {
    if (!splits) {
      this.#word += piece;
      return;
    }
    const [first = '', ...more] = piece.split(BLANK);
    this.#word += first;
    for (const word of more) {
      this.finish();
      this.#word = word;
    }
  }

  finish(): readonly string[] {
    if (this.#word !== '') this.#words.push(this.#word);
    this.#word = '';
    return this.#words;
  }
}
