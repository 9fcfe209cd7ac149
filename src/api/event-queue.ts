/** Without a reader only so many are kept: a caller may want the result alone. */
const UNREAD = 1000;

/** Values pushed from one side and iterated on the other, kept until somebody takes them. One reader. */
export class EventQueue<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  #ended = false;
  #isRead = false;
  #wake: (() => void) | undefined;

  push(value: T): void {
    this.#values.push(value);
    if (!this.#isRead && this.#values.length > UNREAD) this.#values.shift();
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    this.#isRead = true;
    for (;;) {
      while (this.#values.length > 0) yield this.#values.shift()!;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
