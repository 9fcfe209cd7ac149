// npm run profiles [-- NAME…]: where the processor's time of each kind of work goes, as flame charts in
// docs/graphs/profiles, and the functions that take most of it. Needs root and what .ci/busybox-base needs; TMPDIR should
// be on a file system with a journal. PROFILE_REGISTRY=HOST: a registry to push to and pull from.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { flameChart } from './flame.mjs';

const repository = resolve(import.meta.dirname, '..');
const work = mkdtempSync(join(tmpdir(), 'tsbuild-profiles-'));
process.once('exit', () => rmSync(work, { recursive: true, force: true }));
const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
const env = { ...environment, HOME: work, TSBUILD_ROOT: join(work, 'store') };
const registry = process.env.PROFILE_REGISTRY;
const FILES = 10_000;
const MEBIBYTES = 256;
const lines = (count, line) => Array.from({ length: count }, (_, index) => line(index)).join('');

/** `prepare` comes before; `command` is what is looked at, the second time if it does the same again. */
const profiles = {
  noop: {
    title: 'Cached rebuild of 12 steps',
    isRepeatable: true,
    prepare: () => build(cached()),
    command: () => ['tsbuild', '-q', cached()],
  },
  run10: {
    title: 'Ten RUN steps, no cache',
    isRepeatable: true,
    command: () => ['tsbuild', '-q', '--network=none', '--no-cache', context('run10', tenSteps)],
  },
  run: {
    title: 'tsrun --rm --network=none busybox true',
    isRepeatable: true,
    command: () => ['tsrun', '--rm', '--network=none', 'busybox', 'true'],
  },
  copy: {
    title: `COPY of ${FILES} files, nothing known`,
    command: () => ['tsbuild', '-q', files()],
  },
  'copy-edit': {
    title: `COPY of ${FILES} files, one edited`,
    prepare: () => {
      build(files());
      writeFileSync(join(files(), 'd7/f350'), 'edited\n');
    },
    command: () => ['tsbuild', '-q', files()],
  },
  'copy-warm': {
    title: `COPY of ${FILES} files, nothing changed`,
    prepare: () => build(files()),
    command: () => ['tsbuild', '-q', files()],
  },
  copybig: {
    title: `COPY of ${MEBIBYTES} MiB in 8 files, nothing known`,
    command: () => ['tsbuild', '-q', '-t', 'copybig', big()],
  },
  save: {
    title: `save of an image of ${FILES} files`,
    isRepeatable: true,
    prepare: () => build(files(), ['-t', 'files']),
    command: () => ['tsctr', 'save', '-o', join(work, 'save.tar'), 'files'],
  },
  ...(registry && {
    push: {
      title: `push of a layer of ${MEBIBYTES} MiB`,
      prepare: () => build(big(), ['-t', `${registry}/profiles`]),
      command: () => ['tsctr', 'push', '-q', `${registry}/profiles`],
    },
    pull: {
      title: `pull of a layer of ${FILES} files`,
      prepare: () => {
        build(files(), ['-t', `${registry}/profiles-files`]);
        tsctr(['push', '-q', `${registry}/profiles-files`]);
        tsctr(['system', 'prune', '-a', '-f']);
      },
      command: () => ['tsctr', 'pull', '-q', `${registry}/profiles-files`],
    },
  }),
};

const tenSteps = () => ({
  Dockerfile: `FROM busybox\n${lines(10, (i) => `RUN echo ${i} > /f${i}\n`)}`,
});

function cached() {
  return context('cached', () => ({
    Dockerfile: `FROM busybox\nARG X=1\nENV A=$X\nWORKDIR /w\nCOPY a.txt .\n${lines(6, (i) => `RUN echo ${i} > f${i}\n`)}USER 1000\nCMD true\n`,
    'a.txt': 'a\n',
  }));
}

function files() {
  return context('files', () => ({
    Dockerfile: 'FROM busybox\nCOPY . /src\n',
    ...Object.fromEntries(
      Array.from({ length: FILES }, (_, i) => [`d${Math.floor(i / 50)}/f${i}`, `file ${i}\n`.repeat(300)]),
    ),
  }));
}

function big() {
  return context('big', () => ({
    Dockerfile: 'FROM busybox\nCOPY . /src\n',
    ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`big${i}`, noise(MEBIBYTES / 8)])),
  }));
}

/** Bytes that do not compress. */
function noise(mebibytes) {
  return execFileSync('head', ['-c', `${mebibytes}M`, '/dev/urandom'], { maxBuffer: 2 ** 30 });
}

const contexts = new Map();
function context(name, make) {
  if (contexts.has(name)) return contexts.get(name);
  const directory = join(work, name);
  for (const [path, content] of Object.entries(make())) {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  contexts.set(name, directory);
  return directory;
}

function build(directory, options = []) {
  start([], ['tsbuild', '-q', ...options, directory]);
}

function tsctr(args) {
  start([], ['tsctr', ...args]);
}

function start(flags, [command, ...args], options = {}) {
  const file = join(repository, 'dist', `${command}.cjs`);
  const { status, stderr } = spawnSync(process.execPath, [...flags, file, ...args], {
    env,
    encoding: 'utf8',
    ...options,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

/** The profiles of a command's threads, the main one first. */
function profiled(name, command) {
  const folder = join(work, `profile-${name}`);
  start(['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${folder}`], command);
  // CPU.<date>.<time>.<pid>.<thread>.<sequence>.cpuprofile
  const thread = (file) => Number(file.split('.')[4]);
  return readdirSync(folder)
    .sort((a, b) => thread(a) - thread(b))
    .map((file) => ({
      name: thread(file) === 0 ? 'main thread' : `worker thread ${thread(file)}`,
      profile: JSON.parse(readFileSync(join(folder, file), 'utf8')),
    }));
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in profiles));
if (unknown) throw new Error(`There is no profile "${unknown}": use ${Object.keys(profiles).join(', ')}`);
const rootfs = execFileSync(join(repository, '.ci/busybox-base'), { maxBuffer: 2 ** 26 });
start([], ['tsctr', 'import', '-c', 'ENV PATH=/bin', '-', 'busybox'], { input: rootfs });
const folder = join(repository, 'docs/graphs/profiles');
mkdirSync(folder, { recursive: true });
for (const [name, { title, isRepeatable = false, prepare, command }] of Object.entries(profiles)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  prepare?.();
  // Of a command's first start compiling would be most.
  if (isRepeatable) start([], command());
  const threads = profiled(name, command());
  writeFileSync(join(folder, `${name}.svg`), flameChart(title, threads));
  console.log(`${name}: ${threads.map((one) => `${one.name} ${most(one.profile)}`).join('; ')}`);
}

/** The functions that most of the time was spent in themselves. */
function most({ nodes, samples, timeDeltas }) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName || 'anonymous']));
  const self = new Map();
  let total = 0;
  samples.forEach((id, index) => {
    const name = names.get(id);
    if (name === '(idle)' || timeDeltas[index] < 0) return;
    total += timeDeltas[index];
    self.set(name, (self.get(name) ?? 0) + timeDeltas[index]);
  });
  const first = [...self].sort(([, a], [, b]) => b - a).slice(0, 8);
  return `${Math.round(total / 1000)} ms: ${first.map(([name, time]) => `${name} ${((time / total) * 100).toFixed(0)} %`).join(', ')}`;
}
