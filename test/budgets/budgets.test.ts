import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rootfsProblem } from '../support/busybox-rootfs.ts';
import { Commands, importBusybox, networkNamespace } from '../support/commands.ts';
import { startRegistry } from '../support/registry-server.ts';
import { least, type Measured, type Measurement, Meter, tracingProblem } from './measure.ts';
import { type Bench, workloads } from './workloads.ts';

/**
 * What commands may do at most, counted where the machine's load does not show: see docs/performance.md. `npm run
 * budgets -- --explain` shows what was counted, `-- --measure` sets the budgets anew.
 */
interface Budget {
  readonly counts: Readonly<Record<string, { readonly measured: number; readonly limit: number }>>;
  /** How often each call was made when the budget was set. */
  readonly tally: Readonly<Record<string, number>>;
}

const file = join(import.meta.dirname, 'budgets.json');
const budgets = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Budget>;
/** `explain` or `measure`, and a folder for what is told; set by bench/budgets.mjs. */
const { BUDGETS: mode, BUDGETS_FOLDER: folder = '' } = process.env;
const RUNS = 3;

const problem = rootfsProblem ?? tracingProblem;
if (problem !== undefined) console.log(`skipped: budgets: ${problem}`);

describe.skipIf(problem !== undefined)('budgets', () => {
  let bench: Bench;
  const found: Record<string, Budget> = {};

  beforeAll(async () => {
    const commands = new Commands();
    await importBusybox(commands);
    const registry = await startRegistry();
    bench = { commands, meter: new Meter(commands), registry, network: networkNamespace() };
  });

  afterAll(async () => {
    bench.network.release();
    await bench.registry[Symbol.asyncDispose]();
    await bench.commands.remove();
    if (mode === 'measure') writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
  });

  test.each(workloads)('$name keeps within its budget', { timeout: 180_000 }, async (workload) => {
    await workload.prepare?.(bench);
    await workload.run(bench, -1); // The first start of a command compiles it.
    const measured: Measured[] = [];
    // The least of them counts: once that is within the budget no further run changes it.
    const isEnough = () => mode === undefined && excess(workload.name, least(measured)).length === 0;
    for (let turn = 0; turn < RUNS && (turn === 0 || !isEnough()); turn++)
      measured.push(await workload.run(bench, turn));
    const counted = least(measured);
    found[workload.name] = budgetOf(counted);
    if (mode === 'explain') explain(workload.name, counted);
    if (mode === 'measure') return;
    expect(excess(workload.name, counted), 'over the budget').toEqual([]);
  });
});

/** What is more than the budget allows, each with the calls that there were not before. */
function excess(name: string, { counts, tally }: Measured): string[] {
  const budget = budgets[name];
  if (budget === undefined) return [`${name} has no budget: npm run budgets -- --measure`];
  const over = Object.entries(budget.counts).filter(
    ([count, { limit }]) => counts[count as keyof Measurement] > limit,
  );
  if (over.length === 0) return [];
  const grown = Object.entries(tally)
    .map(([call, times]) => [call, times - (budget.tally[call] ?? 0)] as const)
    .filter(([, more]) => more > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([call, more]) => `${call} +${more}`);
  return [
    ...over.map(
      ([count, { limit, measured }]) =>
        `${name}: ${count} ${counts[count as keyof Measurement]}, ${limit} at most (${measured} when it was set)`,
    ),
    `more than then: ${grown.slice(0, 12).join(', ')}`,
    'to look closer: npm run budgets -- --explain',
  ];
}

/** A tenth more than was counted, and a few for what other versions of Node and of the C library do. */
function budgetOf({ counts, tally }: Measured): Budget {
  const limits = Object.entries(counts).map(([name, measured]) => [
    name,
    {
      measured,
      limit: ['calls', 'opened', 'modules', 'read', 'written'].includes(name) ? roomy(measured) : measured,
    },
  ]);
  return { counts: Object.fromEntries(limits), tally };
}

function roomy(measured: number): number {
  return Math.ceil(measured * 1.08) + 3;
}

function explain(name: string, { calls, counts, tally }: Measured): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name.replaceAll(/[^\w]+/g, '-')}.calls`);
  writeFileSync(path, calls.map(({ pid, text }) => `${pid} ${text}\n`).join(''));
  const budget = budgets[name];
  console.log(
    [
      `${name}: each call in ${path}`,
      ...Object.entries(counts).map(([count, value]) => {
        const { measured = '-', limit = '-' } = budget?.counts[count] ?? {};
        return `  ${count.padEnd(10)} ${String(value).padStart(8)}   was ${measured}, at most ${limit}`;
      }),
      `  ${Object.entries(tally)
        .slice(0, 20)
        .map(([call, times]) => `${call} ${times}`)
        .join(', ')}`,
    ].join('\n'),
  );
}
