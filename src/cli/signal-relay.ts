import { constants } from 'node:os';
import type { Running } from '../index.ts';
import { warn } from './warn.ts';

/** Signals that are the container's business while it runs. The rest keep their meaning for this process. */
const FORWARDED: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGIO',
  'SIGVTALRM',
  'SIGXCPU',
];

/** Signals that ask for an end. */
const ENDING: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'];

/** So many of those, and the container is killed: a PID 1 without handlers does not even notice them. */
const PATIENCE = 3;

/** How long a container is left alone after its terminal is gone, in milliseconds. */
const GRACE = 10_000;

/**
 * What the signals that this process gets do: before the container runs they stop its start, afterwards they are
 * passed on to it.
 */
export class SignalRelay {
  readonly #abort = new AbortController();
  readonly #handlers: readonly (readonly [NodeJS.Signals, () => void])[];
  #container: Pick<Running, 'kill'> | undefined;
  #hangUp: (() => void) | undefined;
  #endings = 0;
  #first: NodeJS.Signals | undefined;
  #grace: NodeJS.Timeout | undefined;

  constructor(
    readonly program: string,
    readonly proxy: boolean,
  ) {
    this.#handlers = FORWARDED.map((name) => [name, () => this.#received(name)] as const);
    for (const [name, handler] of this.#handlers) process.on(name, handler);
  }

  /** Ends the start, and what runs. */
  get aborted(): AbortSignal {
    return this.#abort.signal;
  }

  /** What a shell shows of a command that the first ending signal has ended; undefined when there was none. */
  get exitCode(): number | undefined {
    return this.#first && 128 + constants.signals[this.#first];
  }

  /** From now on signals are the container's. `hangUp` takes its terminal away. */
  connect(container: Pick<Running, 'kill'>, hangUp?: () => void): void {
    this.#container = container;
    this.#hangUp = hangUp;
  }

  close(): void {
    clearTimeout(this.#grace);
    for (const [name, handler] of this.#handlers) process.off(name, handler);
  }

  #received(name: NodeJS.Signals): void {
    const isEnding = ENDING.includes(name);
    if (isEnding) this.#first ??= name;
    if (this.#container === undefined || (!this.proxy && isEnding)) {
      if (isEnding) this.#abort.abort();
      return;
    }
    this.#container.kill(constants.signals[name]);
    if (!isEnding) return;
    if (++this.#endings >= PATIENCE) this.#killNow();
    // With a terminal the keys go to the container: these signals come from outside, and mean this command.
    else if (this.#hangUp !== undefined && name !== 'SIGINT') this.#hangUpSoon();
  }

  #killNow(): void {
    warn(`${this.program}: killing the container, which goes on after ${PATIENCE} signals`);
    this.#abort.abort();
  }

  /** A shell does not end by SIGTERM, but when its terminal is gone. */
  #hangUpSoon(): void {
    this.#hangUp?.();
    this.#grace ??= setTimeout(() => this.#abort.abort(), GRACE).unref();
  }
}
