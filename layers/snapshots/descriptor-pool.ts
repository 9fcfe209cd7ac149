/** Something that keeps descriptors open only to be faster. */
export interface DescriptorHolder {
  /** Closes them all; they are opened again at need. */
  forget(): void;
}

/**
 * Bounds how many descriptors of layer directories are open at once, over all trees of a snapshotter. Holders are made
 * to forget, least recently used first, and only between the operations on trees, never within one.
 */
export class DescriptorPool {
  /** How many are open now; the holders count. */
  open = 0;
  readonly #limit: number;
  readonly #holders = new Set<DescriptorHolder>();
  #recent: DescriptorHolder | undefined;

  constructor(limit = 1024) {
    this.#limit = limit;
  }

  /** To be called at the start of an operation that uses the holder, before any of its descriptors is taken. */
  use(holder: DescriptorHolder): void {
    if (this.open > this.#limit) this.#evict();
    if (this.#recent === holder) return;
    this.#holders.delete(holder);
    this.#holders.add(holder);
    this.#recent = holder;
  }

  /** To be called by a holder that has none open any more. */
  leave(holder: DescriptorHolder): void {
    this.#holders.delete(holder);
    if (this.#recent === holder) this.#recent = undefined;
  }

  forgetAll(): void {
    for (const holder of [...this.#holders]) holder.forget();
  }

  #evict(): void {
    for (const holder of [...this.#holders]) {
      if (this.open <= this.#limit / 2) return;
      holder.forget();
    }
  }
}
