import type { Writable } from 'node:stream';
import { describeWarnings, type ProgressEvent, type WarningEvent } from '../../index.ts';
import { isCanceled, LogLines, type Step, Steps, seconds } from './steps.ts';
import type { ProgressView, ViewOptions } from './view.ts';

/** How often the live part is redrawn. */
const FRAME_MS = 100;
/** Lines of output shown below a running step. */
const LOG_LINES = 6;

const ESC = '\x1b[';
const dim = (text: string) => `${ESC}2m${text}${ESC}0m`;
const green = (text: string) => `${ESC}32m${text}${ESC}0m`;
const red = (text: string) => `${ESC}31m${text}${ESC}0m`;

/**
 * A live view: finished steps scroll away above as lines of their own, running ones are redrawn below with their
 * last lines of output and the time they have taken.
 */
export function terminalView(
  output: Writable & { readonly columns?: number },
  options: ViewOptions,
): ProgressView {
  return new TerminalView(output, options);
}

class TerminalView implements ProgressView {
  readonly #steps = new Steps();
  readonly #lines = new LogLines();
  readonly #tails = new Map<string, string[]>();
  readonly #warnings: WarningEvent[] = [];
  readonly #begun = Date.now();
  readonly #timer: NodeJS.Timeout;
  #drawn = 0;

  constructor(
    readonly output: Writable & { readonly columns?: number },
    readonly options: ViewOptions,
  ) {
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
    this.#timer.unref();
  }

  show(event: ProgressEvent): void {
    if (event.kind === 'warning') this.#warnings.push(event);
    if (event.kind === 'log') {
      const tail = this.#tails.get(event.vertex) ?? [];
      tail.push(...this.#lines.add(event));
      this.#tails.set(event.vertex, tail.slice(-LOG_LINES));
    }
    if (event.kind === 'vertex' && event.started !== undefined) {
      const { step } = this.#steps.update(event);
      if (event.completed !== undefined) this.#print(finished(step));
    }
  }

  finish(): void {
    clearInterval(this.#timer);
    this.#erase();
    this.output.write(dim(`${seconds(this.#begun, Date.now())} in all`).concat('\n'));
    this.output.write(describeWarnings(this.#warnings, this.options));
  }

  /** A line that stays. */
  #print(line: string): void {
    this.#erase();
    this.output.write(`${line}\n`);
    this.#draw();
  }

  #erase(): void {
    if (this.#drawn > 0) this.output.write(`${ESC}${this.#drawn}A${ESC}J`);
    this.#drawn = 0;
  }

  #draw(): void {
    const now = Date.now();
    const running = [...this.#steps.all()].filter(({ vertex }) => vertex.completed === undefined);
    const lines = running.flatMap(({ vertex }) => [
      this.#fit(` => ${vertex.name}`, seconds(vertex.started ?? now, now)),
      ...(this.#tails.get(vertex.digest) ?? []).map((line) => dim(this.#fit(` => => ${line}`, ''))),
    ]);
    this.#erase();
    if (lines.length === 0) return;
    this.output.write(`${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  /** A line no wider than the terminal, since a wrapped one could not be erased; control characters are dropped. */
  #fit(text: string, right: string): string {
    const width = (this.output.columns ?? 80) - right.length - 2;
    const clean = text.replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x1f\x7f]/g, '');
    return `${clean.slice(0, width).padEnd(right === '' ? 0 : width)} ${right}`.trimEnd();
  }
}

function finished({ vertex }: Step): string {
  const name = vertex.name.split('\n', 1)[0]!;
  if (isCanceled(vertex)) return dim(` => CANCELED ${name}`);
  if (vertex.error !== undefined) return red(` => ERROR ${name}`);
  if (vertex.cached) return dim(` => CACHED ${name}`);
  return `${green(' =>')} ${name} ${dim(seconds(vertex.started!, vertex.completed!))}`;
}
