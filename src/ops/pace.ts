import { setImmediate } from 'node:timers/promises';

/** Milliseconds of synchronous work after which others get a turn. */
const TURN = 20;
/** The clock is read once for so many pieces of work. */
const STRIDE = 32;

/** Milliseconds on a clock that only goes forward; `performance` would load seven modules for it. */
const now = () => process.uptime() * 1000;

/**
 * Keeps long synchronous work from holding up the event loop:
 * `for (const file of files) { if (pace.due()) await pace.rest(); … }`.
 */
export class Pace {
  #count = 0;
  #turnEnds = now() + TURN;

  constructor(readonly signal: AbortSignal) {}

  /** Whether it is time to {@link rest}. Cheap enough for every file. */
  due(): boolean {
    return ++this.#count % STRIDE === 0 && this.spent();
  }

  /** Like {@link due}, for pieces of work that take long themselves. */
  spent(): boolean {
    return now() > this.#turnEnds;
  }

  /** Lets the event loop go round. Throws the signal's reason once it is aborted. */
  async rest(): Promise<void> {
    await setImmediate();
    this.signal.throwIfAborted();
    this.#turnEnds = now() + TURN;
  }
}
