import type V8 from 'node:v8';

/** Seconds after which V8 may have given up functions that a start has taken in, but not called. */
const LATE = 1;

/**
 * What a start learns for those after it: the modules that ran for the first time, and their functions. V8 gives up the
 * code of functions that were not called during some collections of its heap. So that the code at the end has all that
 * the start has taken in, and compiled, it keeps it from the first new module on. Where the first one comes late, as at
 * the end of a long build, nothing is learnt: what it takes to compile that does not show.
 */
export class Lesson {
  readonly modules: Set<number>;
  isOn = false;
  #isOver = false;

  constructor(known: ReadonlySet<number>) {
    this.modules = new Set(known);
  }

  add(number: number): void {
    if (this.modules.has(number)) return;
    this.modules.add(number);
    this.begin();
  }

  begin(): void {
    if (this.isOn || this.#isOver) return;
    this.#isOver = process.uptime() > LATE;
    if (this.#isOver) return;
    this.isOn = true;
    flags().setFlagsFromString('--no-flush-bytecode');
  }

  /** To be called before the code is taken: V8 notes its flags in it. */
  end(): void {
    flags().setFlagsFromString('--flush-bytecode');
  }
}

/** Loaded by starts that learn alone. */
function flags(): typeof V8 {
  return require('node:v8') as typeof V8;
}
