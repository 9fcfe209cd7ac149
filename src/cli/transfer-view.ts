import type { StatusEvent } from '../index.ts';
import { humanSize } from './format/size.ts';

/** How often a live line is redrawn, in milliseconds. */
const FRAME = 100;
const BAR = 30;
const LONGEST_NAME = 12;

export interface TransferOutput {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly columns: number;
}

export interface TransferWords {
  /** While it goes on, as in `Downloading`. */
  readonly doing: string;
  readonly done: string;
}

/**
 * Shows how blobs come or go: on a terminal a line each that is redrawn, elsewhere a line when one is complete. Nothing
 * is drawn before the first of them.
 */
export class TransferView {
  readonly #output: TransferOutput;
  readonly #words: TransferWords;
  readonly #blobs = new Map<string, StatusEvent>();
  #drawn = 0;
  #drawnAt = 0;

  constructor(output: TransferOutput, words: TransferWords) {
    this.#output = output;
    this.#words = words;
  }

  readonly report = (event: { readonly kind: string }): void => {
    if (event.kind !== 'status') return;
    const status = event as StatusEvent;
    const before = this.#blobs.get(status.id);
    this.#blobs.set(status.id, status);
    const isDone = status.completed !== undefined;
    if (this.#output.isTerminal) this.#draw(isDone);
    else if (isDone && before?.completed === undefined)
      this.#output.write(`${nameOf(status)}: ${status.outcome ?? this.#words.done}\n`);
  };

  #draw(now: boolean): void {
    const time = performance.now();
    if (!now && time - this.#drawnAt < FRAME) return;
    this.#drawnAt = time;
    const lines = [...this.#blobs.values()].map((blob) =>
      this.#line(blob).slice(0, this.#output.columns - 1),
    );
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    this.#output.write(`${up}${lines.map((line) => `${line}\x1b[K\n`).join('')}`);
    this.#drawn = lines.length;
  }

  #line(blob: StatusEvent): string {
    const { current, total = 0, completed, outcome = this.#words.done } = blob;
    if (completed !== undefined) return `${nameOf(blob)}: ${outcome}`;
    const filled = total === 0 ? 0 : Math.min(BAR, Math.floor((current / total) * BAR));
    const bar = `${'='.repeat(filled)}>`.slice(0, BAR).padEnd(BAR);
    return `${nameOf(blob)}: ${this.#words.doing} [${bar}] ${humanSize(current)}/${humanSize(total)}`;
  }
}

/** Twelve digits of the digest. */
function nameOf({ id }: StatusEvent): string {
  return (/sha256:([0-9a-f]+)/.exec(id)?.[1] ?? id).slice(0, LONGEST_NAME);
}
