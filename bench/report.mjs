// What a bench has found, as JSON that later calls add to, and as a table in Markdown.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

/** Of a machine and of tools: `[[name, version], …]`. */
export function describeRun(versions) {
  const machine = `${cpus()[0].model.trim()}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.versions.node}`;
  return { machine, versions: Object.fromEntries(versions), rows: {} };
}

/** What the file has already, if there is one, keeps its rows. */
export function readReport(file) {
  return file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

export function writeReport(file, report) {
  writeFileSync(`${file}.new`, `${JSON.stringify(report, undefined, 1)}\n`);
  renameSync(`${file}.new`, file);
}

/** The commit of the sources that were measured; undefined outside of a clone. */
export function commitOf(directory) {
  try {
    const options = { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('git', ['describe', '--always', '--dirty'], options).trim();
  } catch {
    return undefined;
  }
}

/** Lines about the whole, above the table. */
export function introduction({ machine, versions, rows }) {
  const all = Object.values(rows);
  const loads = all.map(({ load }) => load);
  const commits = [...new Set(all.map(({ commit }) => commit ?? 'unknown'))].join(', ');
  const told =
    all.length === 0 ? [] : [`commit ${commits}; ${range(loads)} processes ready (load) at the ends of rows`];
  const lines = [
    machine,
    ...Object.entries(versions).map(([name, version]) => `${name}: ${version}`),
    ...told,
  ];
  return lines.map((line) => `- ${line}`);
}

export function tableHead(tools) {
  const titles = ['work', ...tools, 'the machine', 'peak memory', 'runs', 'took'];
  return `| ${titles.join(' | ')} |\n|---|${tools.map(() => '--:|').join('')}---|--:|--:|--:|`;
}

/** Medians; how many times as long as tsbuild the others take, and how many times as long as the machine tsbuild does. */
export function tableRow(name, row, tools) {
  const ours = row.times.tsbuild && median(row.times.tsbuild);
  const cells = tools.map((tool) => {
    if (row.leftOut.includes(tool)) return '';
    if (row.times[tool] === undefined) return 'fails';
    return told(median(row.times[tool]), tool === 'tsbuild' ? undefined : ours);
  });
  const limits = row.limits.map(
    ({ about, milliseconds }) =>
      `${about} ${told(milliseconds)}${ours ? ` (×${ratio(ours / milliseconds)})` : ''}`,
  );
  const memory = row.memory ? `${megabytes(row.memory.process)} / ${megabytes(row.memory.together)} MB` : '';
  const counts = Object.values(row.times).map(({ length }) => length);
  const runs = counts.length === 0 ? '' : range(counts, 0);
  return `| ${name}: ${row.about} | ${cells.join(' | ')} | ${limits.join(', ')} | ${memory} | ${runs} | ${row.seconds.toFixed(0)} s |`;
}

function told(milliseconds, ours) {
  return `${(milliseconds / 1000).toFixed(3)} s${ours === undefined ? '' : ` (${ratio(milliseconds / ours)}×)`}`;
}

const ratio = (value) => value.toFixed(value < 1.5 ? 2 : 1);
const megabytes = (bytes) => Math.round(bytes / 1e6);

function range(values, digits = 1) {
  const ends = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return ends[0] === ends[1] ? ends[0] : ends.join(' to ');
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
