// npm run bench [-- ROW…]: the same work given to tsbuild, Docker and Buildah in turn, each row as a line of a table. See
// docs/benchmarks.md. `-- --list` names the rows, `-- --table` shows what BENCH_JSON has, `-- --document` puts
// it there, `-- --rest` measures the rows that it has not. Environment:
//   BENCH_TOOLS=tsbuild,docker,buildah   BENCH_RUNS=5   BENCH_ROW_SECONDS=SECONDS (after which no further turn begins)
//   BENCH_JSON=FILE (to which rows are added)   BENCH_DIR=DIRECTORY   TSBUILD_ROOT=DIRECTORY (else a store in BENCH_DIR)
//   BENCH_BASE, BENCH_BIG_BASE, BENCH_NODE_BASE, BENCH_DEBIAN_BASE=IMAGE   BENCH_REGISTRY=HOST (to push to)
//   BENCH_BASE_GIB=5   BENCH_TIMEOUT=600 (seconds for one command)   BENCH_MINUTES=MINUTES (no row begins after them)
//   BENCH_PRUNE=1: throw away what Docker and Buildah keep of builds and nameless images, also of others than the bench
//   BENCH_WRAPPER='COMMAND' (put before docker, buildah and podman)
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  commitOf,
  describeRun,
  introduction,
  readReport,
  tableHead,
  tableRow,
  writeReport,
} from './report.mjs';

const root = process.env.BENCH_DIR ?? join(tmpdir(), 'tsbuild-bench');
process.env.TSBUILD_ROOT ??= join(root, 'store');
// These look at the environment.
const { measureRow } = await import('./measure.mjs');
const { tools, versionOf } = await import('./tools.mjs');
const { workloads } = await import('./workloads.mjs');

const file = process.env.BENCH_JSON;
const asked = process.argv.slice(2);
if (asked[0] === '--list') list();
else if (asked[0] === '--table') console.log(table());
else if (asked[0] === '--document') document(join(import.meta.dirname, '../docs/benchmarks.md'));
else if (asked[0] === '--rest') await bench(rest());
else await bench(asked.length > 0 ? asked : Object.keys(workloads));

function list() {
  for (const [row, { about }] of Object.entries(workloads)) console.log(`${row.padEnd(14)} ${about}`);
}

function rest() {
  const rows = readReport(file)?.rows ?? {};
  return Object.keys(workloads).filter((row) => !(row in rows));
}

function table() {
  const report = readReport(file);
  if (report === undefined) throw new Error('BENCH_JSON names no file with what was measured');
  const names = Object.keys(report.versions);
  const found = Object.keys(workloads).filter((row) => row in report.rows);
  const lines = found.map((row) => tableRow(row, report.rows[row], names));
  return [...introduction(report), '', tableHead(names), ...lines].join('\n');
}

/** What is between the marks gives way. */
function document(path) {
  const text = readFileSync(path, 'utf8');
  const [start, end] = ['<!-- table -->\n', '<!-- /table -->'];
  const [before, rest] = text.split(start);
  writeFileSync(path, `${before}${start}\n${table()}\n\n${end}${rest.split(end)[1]}`);
}

async function bench(rows) {
  const unknown = rows.find((row) => !(row in workloads));
  if (unknown) throw new Error(`There is no row "${unknown}": use ${Object.keys(workloads).join(', ')}`);
  mkdirSync(root, { recursive: true });
  const versions = (process.env.BENCH_TOOLS ?? Object.keys(tools).join(','))
    .split(',')
    .map((name) => [name, versionOf(tools[name])])
    .filter(([, version]) => version);
  const report = readReport(file) ?? describeRun(versions);
  const present = versions.map(([name]) => name);
  const options = {
    root,
    present,
    runs: Number(process.env.BENCH_RUNS ?? 5),
    seconds: Number(process.env.BENCH_ROW_SECONDS ?? Number.POSITIVE_INFINITY),
  };
  console.log(`${introduction({ ...report, rows: {} }).join('\n')}\n\n${tableHead(present)}`);
  const commit = commitOf(import.meta.dirname);
  const end = Date.now() + 60_000 * Number(process.env.BENCH_MINUTES ?? Number.POSITIVE_INFINITY);
  for (const name of rows) {
    if (Date.now() > end) {
      console.error(`${name} and what comes after it is left to a call with --rest: BENCH_MINUTES are over`);
      break;
    }
    const row = { ...(await measureRow(name, options)), commit };
    for (const [tool, message] of Object.entries(row.failures)) console.error(`${name}, ${tool}: ${message}`);
    console.log(tableRow(name, row, present));
    report.rows[name] = row;
    if (file) writeReport(file, report);
  }
  const seconds = Object.values(report.rows).reduce((sum, row) => sum + row.seconds, 0);
  console.log(`\n${Object.keys(report.rows).length} rows took ${(seconds / 60).toFixed(1)} minutes`);
}
