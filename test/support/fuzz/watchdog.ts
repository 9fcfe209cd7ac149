import { Worker } from 'node:worker_threads';

/** Runs in a thread of its own, since a hang leaves this one no chance to say anything. */
const WATCH = `
const { workerData } = require('node:worker_threads');
const count = new Int32Array(workerData.counter);
let last = -1;
setInterval(() => {
  const now = Atomics.load(count, 0);
  if (now === last && Atomics.load(count, 1) === 0) {
    require('node:fs').writeSync(2, 'fuzz: input ' + now + ' of seed ' + workerData.seed + ' hangs\\n');
    process.kill(process.pid, 'SIGKILL');
  }
  last = now;
}, workerData.milliseconds);
`;

/** Ends the process, naming the input, when one takes longer than `milliseconds`. */
export class Watchdog implements Disposable {
  readonly #state = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  constructor(seed: number, milliseconds: number) {
    const workerData = { counter: this.#state.buffer, seed, milliseconds };
    this.#worker = new Worker(WATCH, { eval: true, workerData });
    this.#worker.unref();
  }

  begins(input: number): void {
    Atomics.store(this.#state, 0, input);
  }

  [Symbol.dispose](): void {
    Atomics.store(this.#state, 1, 1);
    void this.#worker.terminate();
  }
}
