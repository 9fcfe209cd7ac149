import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What became of many inputs: how many gave a value, which errors the others gave, and what it cost. */
export class Tally {
  readonly outcomes = new Map<string, number>();
  readonly slowest = { milliseconds: 0, input: -1, size: 0 };
  inputs = 0;
  longest = 0;

  add(input: number, size: number, milliseconds: number, outcomes: readonly string[]): void {
    this.inputs++;
    this.longest = Math.max(this.longest, size);
    for (const outcome of outcomes) this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (milliseconds > this.slowest.milliseconds) Object.assign(this.slowest, { milliseconds, input, size });
  }

  toString(): string {
    const { milliseconds, input, size } = this.slowest;
    const kinds = [...this.outcomes].sort(([, one], [, other]) => other - one);
    return [
      `${this.inputs} inputs, the longest of ${this.longest} characters`,
      `slowest: input ${input} of ${size} characters, ${milliseconds.toFixed(0)} ms of processor time`,
      ...kinds.map(([kind, count]) => `${String(count).padStart(8)} ${kind}`),
    ].join('\n');
  }
}

/** Bytes that are in use once everything that can be given up is. */
export function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
