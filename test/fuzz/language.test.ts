import { expect, test } from 'vitest';
import { someAttempt } from '../support/fuzz/attempts.ts';
import { heapInUse, Tally } from '../support/fuzz/tally.ts';
import { Watchdog } from '../support/fuzz/watchdog.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** How many, which, and from which on: `FUZZ=1 FUZZ_SEED=1 FUZZ_FROM=123` repeats a single one. */
const count = Number(process.env.FUZZ ?? 3000);
const seed = Number(process.env.FUZZ_SEED ?? 1);
const from = Number(process.env.FUZZ_FROM ?? 0);

/** Processor time of an input of 64 KiB, in milliseconds; longer ones in proportion. */
const BOUND = 5000;
const HANG = 60_000;

test(
  `readers of Dockerfiles, .dockerignore files and command lines answer whatever they are given, ${count} inputs`,
  async () => {
    const tally = new Tally();
    const failures: string[] = [];
    let before = 0;
    using watchdog = new Watchdog(seed, HANG);
    for (let input = from; input < from + count; input++) {
      // Once everything that is made on first use is there.
      if (input === from + Math.min(1000, count >> 1)) before = heapInUse();
      watchdog.begins(input);
      const attempt = someAttempt(seededRandom(Math.imul(seed, 0x9e3779b1) + Math.imul(input, 0x85ebca6b)));
      const start = process.cpuUsage();
      try {
        const outcomes = await attempt.run();
        const { user, system } = process.cpuUsage(start);
        const milliseconds = (user + system) / 1000;
        tally.add(input, attempt.size, milliseconds, outcomes);
        if (milliseconds > BOUND * Math.max(1, attempt.size / 65_536))
          failures.push(`${input}: ${milliseconds} ms`);
      } catch (error) {
        failures.push(`${input}: ${(error as Error).stack}\n${attempt.text.slice(0, 2000)}`);
      }
      if (failures.length >= 20) break;
    }
    const after = heapInUse();
    const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    console.log(`seed ${seed}: ${tally}\nheap ${mebibytes(before)} before, ${mebibytes(after)} after`);
    expect(failures).toEqual([]);
    expect(after - before).toBeLessThan(16 * 2 ** 20);
  },
  24 * 3600_000,
);
