// npm run graphs [-- --time] [GRAPH…]: how many system calls a build makes as its inputs grow, as pictures in docs/graphs.
// Calls, since they are the same on a busy machine. `--time`: the least wall time of GRAPHS_RUNS (5) builds of larger
// inputs, for an idle one, in docs/graphs/time. Needs root, strace (for calls), and what .ci/busybox-base needs; TMPDIR
// should be on a file system with a journal.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { callsOf, countsOf, traced } from './calls.mjs';
import { lineChart } from './chart.mjs';

const repository = resolve(import.meta.dirname, '..');
const work = mkdtempSync(join(tmpdir(), 'tsbuild-graphs-'));
process.once('exit', () => rmSync(work, { recursive: true, force: true }));
const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
const env = { ...environment, HOME: work, TSBUILD_ROOT: join(work, 'store') };
const asked = process.argv.slice(2);
const isTimed = asked.includes('--time');
const runs = Number(process.env.GRAPHS_RUNS ?? 5);
const lines = (count, line) => Array.from({ length: count }, (_, index) => line(index)).join('');

/** Each series: what a build costs for each number; `large` ones where it is timed. */
const graphs = {
  'context-files': {
    title: 'Files in the context',
    axis: 'files',
    numbers: [0, 250, 500, 1000, 2000],
    large: [0, 10_000, 20_000, 40_000],
    series: {
      'COPY, nothing known': (count) => build('FROM scratch\nCOPY . /src\n', { files: count, isNew: true }),
      'COPY, nothing changed': (count) => build('FROM scratch\nCOPY . /src\n', { files: count }),
      'COPY of one file': (count) => build('FROM scratch\nCOPY Dockerfile /\n', { files: count }),
    },
  },
  'base-files': {
    title: 'Files in the base image',
    axis: 'files',
    numbers: [0, 1000, 2000, 4000, 8000],
    large: [0, 10_000, 20_000, 40_000],
    series: {
      'RUN touch': (count) => build(`FROM ${baseOf(count)}\nRUN touch /x\n`, { flags: ['--no-cache'] }),
      cached: (count) => build(`FROM ${baseOf(count)}\nRUN touch /x\n`),
    },
  },
  layers: {
    title: 'Layers below one RUN step',
    axis: 'layers',
    numbers: [1, 10, 20, 40, 80, 126],
    series: {
      'one RUN step more': (count) => {
        const below = `FROM busybox\n${lines(count - 1, (i) => `COPY a.txt /f${i}\n`)}`;
        build(below);
        return build(`${below}ARG TURN\nRUN echo ${count} $TURN\n`, { isChanged: true });
      },
      cached: (count) => build(`FROM busybox\n${lines(count - 1, (i) => `COPY a.txt /f${i}\n`)}`),
    },
  },
  stages: {
    title: 'Stages, each of one RUN step',
    axis: 'stages',
    numbers: [1, 5, 10, 20, 30],
    series: {
      'no cache': (count) => build(stages(count), { flags: ['--no-cache'] }),
      cached: (count) => build(stages(count)),
    },
  },
  'layer-size': {
    title: 'Size of one copied file',
    axis: 'MiB',
    numbers: [1, 16, 64, 128, 256],
    large: [1, 128, 256, 512, 1024],
    series: {
      'COPY, nothing known': (count) =>
        build('FROM scratch\nCOPY big /\n', { mebibytes: count, isNew: true }),
      'COPY, nothing changed': (count) => build('FROM scratch\nCOPY big /\n', { mebibytes: count }),
    },
  },
};

function stages(count) {
  const copies = lines(count, (i) => `COPY --from=s${i} /o${i} /\n`);
  return `${lines(count, (i) => `FROM busybox AS s${i}\nRUN echo ${i} > /o${i}\n`)}FROM scratch\n${copies}`;
}

const bases = new Set();
/** The busybox with so many files more, each of one byte. */
function baseOf(count) {
  const name = `files${count}`;
  if (bases.has(name)) return name;
  bases.add(name);
  const context = contextOf('FROM busybox\nCOPY . /files\n', count);
  tsbuild(['-q', '-t', name, context]);
  return name;
}

let contexts = 0;
function contextOf(dockerfile, files = 0, mebibytes = 0) {
  const context = join(work, `context${contexts++}`);
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  writeFileSync(join(context, 'a.txt'), 'a\n');
  for (let index = 0; index < files; index++) {
    const folder = join(context, `d${Math.floor(index / 50)}`);
    if (index % 50 === 0) mkdirSync(folder);
    writeFileSync(join(folder, `f${index}`), `${index}\n`);
  }
  if (mebibytes > 0) writeFileSync(join(context, 'big'), Buffer.alloc(mebibytes * 2 ** 20, 'x'));
  // A digest is remembered of files that are older than the clock of the filesystem can tell apart.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  return context;
}

let turns = 0;
/** What a build costs after one like it; `isNew`: in a new store instead, `isChanged`: with another `TURN` each time. */
function build(dockerfile, { files, mebibytes, flags = [], isNew = false, isChanged = false } = {}) {
  const args = ['-q', '--network=none', ...flags, contextOf(dockerfile, files, mebibytes)];
  const once = (root) => {
    const turn = isChanged ? ['--build-arg', `TURN=${turns++}`] : [];
    return isTimed ? millisecondsOf([...turn, ...args], root) : callsMade([...turn, ...args], root);
  };
  if (isNew) return least(() => inNewStore(once));
  if (!isChanged) tsbuild(args);
  return least(() => once());
}

function least(measure) {
  return Math.min(...Array.from({ length: isTimed ? runs : 1 }, () => measure()));
}

let stores = 0;
function inNewStore(use) {
  const root = join(work, `new${stores++}`);
  try {
    return use(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function callsMade(args, root) {
  const trace = join(work, 'trace');
  tsbuild(args, { through: traced(trace, []), root });
  return countsOf(callsOf(readFileSync(trace, 'utf8'))).calls;
}

function millisecondsOf(args, root) {
  const from = performance.now();
  tsbuild(args, { root });
  return Math.round(performance.now() - from);
}

function tsbuild(args, { through = [], root = env.TSBUILD_ROOT } = {}) {
  const [program, ...rest] = [...through, process.execPath, join(repository, 'dist/tsbuild.cjs'), ...args];
  const { status, stderr } = spawnSync(program, rest, {
    env: { ...env, TSBUILD_ROOT: root },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`tsbuild ${args.join(' ')}: ${stderr}`);
}

const rootfs = execFileSync(join(repository, '.ci/busybox-base'), { maxBuffer: 2 ** 26 });
execFileSync(
  process.execPath,
  [join(repository, 'dist/tsctr.cjs'), 'import', '-c', 'ENV PATH=/bin', '-', 'busybox'],
  {
    env,
    input: rootfs,
  },
);
const folder = join(repository, 'docs/graphs', isTimed ? 'time' : '');
mkdirSync(folder, { recursive: true });
const wanted = asked.filter((name) => !name.startsWith('--'));
const y = isTimed ? 'milliseconds' : 'system calls';
for (const [name, { title, axis, numbers, large = numbers, series }] of Object.entries(graphs)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const found = Object.entries(series).map(([label, count]) => ({
    label,
    points: (isTimed ? large : numbers).map((number) => [number, count(number)]),
  }));
  writeFileSync(join(folder, `${name}.svg`), lineChart({ title, x: axis, y, series: found }));
  for (const { label, points } of found)
    console.log(`${name}: ${label}: ${points.map(([x, y]) => `${x} → ${y}`).join(', ')}`);
}
