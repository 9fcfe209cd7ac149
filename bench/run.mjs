// npm run bench [-- ROW…]: the same work given to tsbuild, Docker and Buildah in turn; see docs/benchmarks.md.
// Environment: BENCH_TOOLS=tsbuild,docker,buildah BENCH_RUNS=5 BENCH_DIR=DIRECTORY BENCH_WRAPPER='COMMAND' (put before
// docker, buildah and podman) BENCH_BASE=IMAGE BENCH_BIG_BASE=IMAGE TSBUILD_ROOT=DIRECTORY (else a store in BENCH_DIR).
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { limitCommand, limits } from './limits.mjs';
import { time, tools, versionOf } from './tools.mjs';
import { workloads } from './workloads.mjs';

const root = process.env.BENCH_DIR ?? join(tmpdir(), 'tsbuild-bench');
const env = { TSBUILD_ROOT: process.env.TSBUILD_ROOT ?? join(root, 'store') };
const runs = Number(process.env.BENCH_RUNS ?? 5);
const rows = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(workloads);
const unknown = rows.find((row) => !(row in workloads));
if (unknown) throw new Error(`There is no row "${unknown}": use ${Object.keys(workloads).join(', ')}`);

const wanted = (process.env.BENCH_TOOLS ?? Object.keys(tools).join(',')).split(',');
const present = wanted
  .map((name) => [name, tools[name], versionOf(tools[name])])
  .filter(([, , version]) => version);

mkdirSync(root, { recursive: true });
console.log(
  `${cpus()[0].model}, ${availableParallelism()} cores, Linux ${release()}, load ${loadavg()[0].toFixed(1)}, ${runs} runs, medians`,
);
for (const [name, , version] of present) console.log(`${name}: ${version}`);
console.log(
  `\n| work | ${present.map(([name]) => name).join(' | ')} | limit |\n|---|${present.map(() => '--:|').join('')}---|`,
);
for (const row of rows) console.log(measure(row));

/** One row of the table: the tools take turns, so that a busy machine is busy for all of them. */
function measure(row) {
  const { about, text, fill, before, step, limits: named = ['node'] } = workloads[row];
  const context = join(root, contextName(fill, row));
  if (!existsSync(context)) {
    mkdirSync(context);
    fill?.(context);
  }
  writeFileSync(join(context, 'Dockerfile'), text);
  const tag = `bench-${row}`;
  const times = new Map(present.map(([name]) => [name, []]));
  const failures = [];
  for (const [name, tool] of present) attempt(name, () => time(tool.build(tag, context, false), env));
  for (let turn = 0; turn < runs; turn++) {
    for (const [name, tool] of present) {
      if (!times.has(name)) continue;
      before?.(context, `${name} ${turn} ${Date.now()}`);
      attempt(name, () => times.get(name).push(time(step(tool, tag, context), env)));
    }
  }
  for (const failure of failures) console.error(failure);
  const ours = times.has('tsbuild') ? median(times.get('tsbuild')) : undefined;
  const cells = present.map(([name]) => (times.has(name) ? cell(median(times.get(name)), ours) : 'failed'));
  return `| ${row}: ${about} | ${cells.join(' | ')} | ${named.map(limit).join(', ')} |`;

  function attempt(name, body) {
    try {
      body();
    } catch (error) {
      times.delete(name);
      failures.push(`${row}, ${name}: ${error.message}`);
    }
  }
}

/** Rows of the same files share them. */
function contextName(fill, row) {
  return fill === undefined ? row : fill.name;
}

function cell(milliseconds, ours) {
  const ratio = ours === undefined || milliseconds === ours ? '' : ` (${(milliseconds / ours).toFixed(1)}×)`;
  return `${(milliseconds / 1000).toFixed(3)} s${ratio}`;
}

function limit(name) {
  const found = [];
  for (let turn = 0; turn < 3; turn++) {
    const { fill, from, command } = limitCommand(name, root);
    if (fill && !existsSync(from)) {
      mkdirSync(from);
      fill();
    }
    found.push(time(command));
  }
  return `${limits[name].about} ${(median(found) / 1000).toFixed(3)} s`;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
