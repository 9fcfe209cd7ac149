// What the tools are given to do. A workload makes its context once; `step` is what is timed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const base = process.env.BENCH_BASE ?? 'docker.io/library/busybox';
/** Any image of many files: touching one of them must not cost more for it. */
const bigBase = process.env.BENCH_BIG_BASE ?? 'docker.io/library/gcc';

const lines = (count, line) => Array.from({ length: count }, (_, index) => line(index)).join('');

/** 50,000 files of 64 bytes to some 20 KB in 3,750 directories, the same in every run. */
export function smallFiles(directory) {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let index = 0; index < 50_000; index++) {
    const folder = join(directory, `p${Math.floor(index / 40)}`, `lib${index % 3}`);
    if (index % 40 < 3) mkdirSync(folder, { recursive: true });
    const size = Math.max(64, Math.round(Math.exp(7.6 + 2 * (random() + random() + random() - 1.5))));
    writeFileSync(join(folder, `f${index}.js`), `// ${index} ${random()}\n`.padEnd(size, 'x'));
  }
}

/** 512 MiB in 8 files, of which no block is like another. */
export function bigFiles(directory) {
  mkdirSync(directory, { recursive: true });
  const block = Buffer.allocUnsafe(1 << 20);
  for (let file = 0; file < 8; file++) {
    const parts = Array.from({ length: 64 }, (_, index) => {
      for (let offset = 0; offset < block.length; offset += 4)
        block.writeUInt32LE((Math.imul(offset + 1, 2654435761) ^ (file * 64 + index)) >>> 0, offset);
      return Buffer.from(block);
    });
    writeFileSync(join(directory, `big${file}`), Buffer.concat(parts));
  }
}

const build = (fresh) => (tool, tag, context) => tool.build(tag, context, fresh);
const run =
  (...flags) =>
  (tool, tag) =>
    tool.run(tag, flags);
const edit = (context, turn) => writeFileSync(join(context, 'p7', 'lib1', 'f280.js'), `edited ${turn}\n`);
const note = (context) => writeFileSync(join(context, 'a.txt'), 'a\n');

const cached = `FROM ${base}\nARG X=1\nENV A=$X\nWORKDIR /w\nCOPY a.txt .\n${lines(6, (i) => `RUN echo ${i} > f${i}\n`)}USER 1000\nCMD true\n`;
const copy = `FROM ${base}\nCOPY . /src\n`;

export const workloads = {
  noop: { about: 'fully cached rebuild, 12 steps', text: cached, fill: note, step: build(false) },
  run10: {
    about: '10 trivial RUN steps, no cache',
    text: `FROM ${base}\n${lines(10, (i) => `RUN echo ${i} > /f${i}\n`)}`,
    step: build(true),
  },
  copy50k: {
    about: 'COPY of 50,000 small files, no cache',
    text: copy,
    fill: smallFiles,
    step: build(true),
    limits: ['cp50k', 'tar50k'],
  },
  'copy-warm': {
    about: 'COPY of 50,000 files, nothing changed',
    text: copy,
    fill: smallFiles,
    step: build(false),
  },
  'copy-edit': {
    about: 'COPY of 50,000 files, one edited',
    text: copy,
    fill: smallFiles,
    before: edit,
    step: build(false),
    limits: ['cp50k'],
  },
  copy512m: {
    about: 'COPY of 512 MiB in 8 files, no cache',
    text: copy,
    fill: bigFiles,
    step: build(true),
    limits: ['cp512m', 'sha512m'],
  },
  'touch-big': {
    about: 'RUN touches a file over a base of many',
    text: `FROM ${bigBase}\nRUN touch /x\n`,
    step: build(true),
  },
  stages: {
    about: '4 independent stages of a second each',
    text: `${lines(4, (i) => `FROM ${base} AS s${i}\nRUN sleep 1; echo ${i} > /o${i}\n`)}FROM ${base}\n${lines(4, (i) => `COPY --from=s${i} /o${i} /\n`)}`,
    step: build(true),
  },
  run: { about: 'run --rm IMAGE true', text: cached, fill: note, step: run() },
  'run-nonet': {
    about: 'run --rm --network=none IMAGE true',
    text: cached,
    fill: note,
    step: run('--network=none'),
  },
};
