// npm run bench [-- ROW…]: the same work given to tsbuild, Docker and Buildah in turn; `-- --list` names the rows. See
// docs/benchmarks.md. Environment: BENCH_TOOLS=tsbuild,docker,buildah BENCH_RUNS=5 BENCH_DIR=DIRECTORY
// BENCH_WRAPPER='COMMAND' (put before docker, buildah and podman) BENCH_BASE, BENCH_BIG_BASE, BENCH_NODE_BASE,
// BENCH_DEBIAN_BASE=IMAGE BENCH_BASE_GIB=5 BENCH_REGISTRY=HOST (to push to) TSBUILD_ROOT=DIRECTORY (else a store in
// BENCH_DIR).
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';

const root = process.env.BENCH_DIR ?? join(tmpdir(), 'tsbuild-bench');
process.env.TSBUILD_ROOT ??= join(root, 'store');
const { measureLimit } = await import('./limits.mjs');
const { time, tools, versionOf } = await import('./tools.mjs');
const { workloads } = await import('./workloads.mjs');

const runs = Number(process.env.BENCH_RUNS ?? 5);
const asked = process.argv.slice(2);
if (asked[0] === '--list') {
  for (const [row, { about }] of Object.entries(workloads)) console.log(`${row.padEnd(14)} ${about}`);
  process.exit();
}
const rows = asked.length > 0 ? asked : Object.keys(workloads);
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
  `\n| work | ${present.map(([name]) => name).join(' | ')} | limit | load |\n|---|${present.map(() => '--:|').join('')}---|--:|`,
);
for (const row of rows) console.log(measure(row));

/** One row of the table: the tools take turns, so that a busy machine is busy for all of them. */
function measure(row) {
  const { about, text, before, prepare, step, limits = ['node'] } = workloads[row];
  const context = makeContext(row);
  const tag = `bench-${row}`;
  const times = new Map(present.map(([name]) => [name, []]));
  const failures = [];
  for (const [name, tool] of present) {
    if (prepare) attempt(name, () => time(prepare(tool, tag, context)));
    else if (text) attempt(name, () => time(tool.build(tag, context)));
  }
  for (let number = 0; number < runs; number++) {
    for (const [name, tool] of present) {
      if (!times.has(name)) continue;
      const turn = `${name} ${number} ${Date.now()}`;
      attempt(name, () => {
        before?.({ context, tool, tag, root, turn });
        times.get(name).push(time(step(tool, tag, context, turn.replaceAll(' ', '-'))));
      });
    }
  }
  for (const failure of failures) console.error(failure);
  const ours = times.has('tsbuild') ? median(times.get('tsbuild')) : undefined;
  const cells = present.map(([name]) => (times.has(name) ? cell(median(times.get(name)), ours) : 'failed'));
  const told = limits.map((name) => limit(name, ours)).join(', ');
  return `| ${row}: ${about} | ${cells.join(' | ')} | ${told} | ${loadavg()[0].toFixed(1)} |`;

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
function makeContext(row) {
  const { text = '', fill } = workloads[row];
  const context = join(root, fill === undefined || fill.name === 'fill' ? row : fill.name);
  if (!existsSync(context)) {
    mkdirSync(context);
    fill?.(context);
  }
  writeFileSync(join(context, 'Dockerfile'), text);
  return context;
}

function cell(milliseconds, ours) {
  const ratio = ours === undefined || milliseconds === ours ? '' : ` (${(milliseconds / ours).toFixed(1)}×)`;
  return `${(milliseconds / 1000).toFixed(3)} s${ratio}`;
}

/** What the machine needs at least, and how many times as long tsbuild takes. */
function limit(name, ours) {
  const found = measureLimit(name, root);
  if (found === undefined) return `${name} is not to be had`;
  const ratio = ours === undefined ? '' : ` (${(ours / found.milliseconds).toFixed(1)}× that)`;
  return `${found.about} ${(found.milliseconds / 1000).toFixed(3)} s${ratio}`;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
