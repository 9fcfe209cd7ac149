// One row of the bench: the tools take turns, so that a busy machine is busy for all of them.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { filled } from './contexts.mjs';
import { measureLimit } from './limits.mjs';
import { peakMemory } from './memory.mjs';
import { inRow, time, tools } from './tools.mjs';
import { workloads } from './workloads.mjs';

/**
 * What was found, as it is kept in BENCH_JSON: `times` has milliseconds for each tool that could do all turns, `failures`
 * the others' messages; `memory` bytes (memory.mjs) of a further turn of tsbuild; `seconds` all that the row took.
 * `seconds` of the options: no round of turns begins after so long, but for the first.
 */
export async function measureRow(name, { root, present, runs, seconds }) {
  const start = Date.now();
  const workload = workloads[name];
  const row = { name, workload, tag: `bench-${name}`, root, context: contextOf(name, root), failures: {} };
  row.tools = present.filter((tool) => !workload.leaveOut?.includes(tool));
  const left = new Set(row.tools);
  publish(row);
  prepare(row, left);
  const turns = Date.now();
  const times = Object.fromEntries(row.tools.map((tool) => [tool, []]));
  for (let number = 0; number < runs; number++) {
    if (number > 0 && Date.now() - turns > seconds * 1000) break;
    for (const tool of left) attempt(row, left, tool, () => times[tool].push(turn(row, tool, number)));
  }
  const memory = left.has('tsbuild') ? await memoryOf(row) : undefined;
  const load = loadavg()[0];
  const limits = (workload.limits ?? []).map((limit) => measureLimit(limit, root)).filter(Boolean);
  for (const tool of row.tools) clean(row, tool);
  return {
    about: workload.about,
    times: Object.fromEntries([...left].map((tool) => [tool, times[tool]])),
    failures: row.failures,
    leftOut: workload.leaveOut ?? [],
    limits,
    memory,
    load,
    seconds: (Date.now() - start) / 1000,
  };
}

/** Rows of the same files share them. */
function contextOf(name, root) {
  const { text = '', fill } = workloads[name];
  const context = filled(root, fill === undefined || fill.name === 'fill' ? name : fill.name, fill);
  writeFileSync(join(context, 'Dockerfile'), text);
  return context;
}

/** An image that all tools get from the registry, since making it would take some of them minutes. */
function publish({ workload, context, root }) {
  if (workload.publish === undefined) return;
  const { name, text } = workload.publish;
  const file = join(root, 'Dockerfile.publish');
  writeFileSync(file, text);
  time(inRow([tools.tsbuild.build(name, context, { flags: ['-f', file] }), tools.tsbuild.push(name, name)]));
}

function prepare(row, left) {
  const { workload, tag, context } = row;
  for (const name of left) {
    const tool = tools[name];
    if (workload.prepare) attempt(row, left, name, () => time(workload.prepare(tool, tag, context)));
    else if (workload.text) attempt(row, left, name, () => time(tool.build(tag, context)));
  }
}

/** Milliseconds of one turn. What has been written before is brought to the disk first: it is nobody's own. */
function turn(row, name, number) {
  const argv = readyFor(row, name, number);
  spawnSync('sync');
  return time(argv);
}

function readyFor({ workload, tag, context, root }, name, number) {
  const tool = tools[name];
  const turn = `${name}-${number}-${Date.now()}`;
  workload.before?.({ context, tool, tag, root, turn });
  return workload.step(tool, tag, context, turn);
}

async function memoryOf(row) {
  try {
    return await peakMemory(readyFor(row, 'tsbuild', 'memory'));
  } catch (error) {
    row.failures['memory of tsbuild'] = error.message;
    return undefined;
  }
}

function clean({ workload, tag }, name) {
  if (workload.after) time(workload.after(tools[name]));
  if (workload.heavy) time(tools[name].discard(tag));
}

function attempt({ failures }, left, tool, body) {
  try {
    body();
  } catch (error) {
    left.delete(tool);
    failures[tool] = error.message;
  }
}
