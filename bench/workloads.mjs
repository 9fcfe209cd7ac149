// What the tools are given to do. A workload makes its context once, `before` each turn is not timed, `step` is; its
// limits are what the machine itself needs for the same bytes or processes (bench/limits.mjs).
import { appendFileSync, closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  bigFiles,
  cProject,
  monorepo,
  mostlyIgnored,
  nodeApp,
  oneFile,
  smallFiles,
  twoFiles,
} from './contexts.mjs';
import { atOnce, inRow, time, withMemory } from './tools.mjs';

const base = process.env.BENCH_BASE ?? 'docker.io/library/busybox';
/** Any image of many files: touching one of them must not cost more for it. It has a C compiler. */
const bigBase = process.env.BENCH_BIG_BASE ?? 'docker.io/library/gcc';
const nodeBase = process.env.BENCH_NODE_BASE ?? 'docker.io/library/node';
const debianBase = process.env.BENCH_DEBIAN_BASE ?? 'docker.io/library/debian';
/** Where to push to; every tool must be able to without asking. */
const registry = process.env.BENCH_REGISTRY ?? '127.0.0.1:5000';
const gibibytes = Number(process.env.BENCH_BASE_GIB ?? 5);

const lines = (count, line) => Array.from({ length: count }, (_, index) => line(index)).join('');
const cold = (tool, tag, context) => tool.build(tag, context, { fresh: true });
const warm = (tool, tag, context) => tool.build(tag, context);

const cached = `FROM ${base}\nARG X=1\nENV A=$X\nWORKDIR /w\nCOPY a.txt .\n${lines(6, (i) => `RUN echo ${i} > f${i}\n`)}USER 1000\nCMD true\n`;
const copy = `FROM ${base}\nCOPY . /src\n`;
const edit = ({ context, turn }) => writeFileSync(join(context, 'p7', 'lib1', 'f280.js'), `edited ${turn}\n`);
const bigLayer = `FROM ${base}\nRUN dd if=/dev/urandom of=/big bs=1M count=${gibibytes * 1024} 2>/dev/null\n`;

const building = {
  noop: { about: 'fully cached rebuild, 12 steps', text: cached, fill: oneFile, step: warm },
  run10: {
    about: '10 trivial RUN steps, no cache',
    text: `FROM ${base}\n${lines(10, (i) => `RUN echo ${i} > /f${i}\n`)}`,
    step: cold,
    limits: ['node', 'unshare10'],
  },
  'touch-big': {
    about: 'RUN touches a file over a base of many',
    text: `FROM ${bigBase}\nRUN touch /x\n`,
    step: cold,
    limits: ['node', 'unshare'],
  },
  'rm-big': {
    about: 'RUN changes the metadata of many files of the base and deletes others',
    text: `FROM ${bigBase}\nRUN chmod -R g+w /usr/share && rm -rf /usr/lib/gcc*\n`,
    step: cold,
  },
  write512m: {
    about: 'RUN writes 512 MiB',
    text: `FROM ${base}\nRUN dd if=/dev/urandom of=/big bs=1M count=512 2>/dev/null\n`,
    step: cold,
    limits: ['dd512m', 'sha512m'],
  },
  stages: {
    about: '4 independent stages of a second each',
    text: `${lines(4, (i) => `FROM ${base} AS s${i}\nRUN sleep 1; echo ${i} > /o${i}\n`)}FROM ${base}\n${lines(4, (i) => `COPY --from=s${i} /o${i} /\n`)}`,
    step: cold,
    limits: ['sleep'],
  },
  stages30: {
    about: 'a graph of 30 stages, each with what three others made',
    text: `${lines(
      30,
      (i) =>
        `FROM ${base} AS s${i}\n${[1, 2, 3]
          .filter((back) => back <= i)
          .map((back) => `COPY --from=s${i - back} /o${i - back} /\n`)
          .join('')}RUN echo ${i} > /o${i}\n`,
    )}`,
    step: cold,
    limits: ['node'],
  },
  compile: {
    about: 'a C build of 60 files',
    text: `FROM ${bigBase}\nWORKDIR /s\nCOPY . .\nRUN make -j2 -s\n`,
    fill: cProject,
    step: cold,
    limits: ['make'],
  },
  npm: {
    about: 'npm ci of 40 packages with a cache mount, no network',
    text: `FROM ${nodeBase}\nWORKDIR /app\nCOPY package.json package-lock.json *.tgz ./\nRUN --mount=type=cache,target=/root/.npm npm ci --offline --no-audit --no-fund\nCOPY . .\n`,
    fill: nodeApp,
    step: cold,
    limits: ['npm'],
  },
  apt: {
    about: 'apt-get update and install of a package (needs a mirror)',
    text: `FROM ${debianBase}\nRUN apt-get update && apt-get install -y --no-install-recommends jq\n`,
    step: cold,
  },
};

const copying = {
  copy50k: {
    about: 'COPY of 50,000 small files, no cache',
    text: copy,
    fill: smallFiles,
    step: cold,
    limits: ['cp50k', 'tar50k'],
  },
  'copy-warm': {
    about: 'COPY of 50,000 files, nothing changed',
    text: copy,
    fill: smallFiles,
    step: warm,
    limits: ['stat50k'],
  },
  'copy-edit': {
    about: 'COPY of 50,000 files, one edited',
    text: copy,
    fill: smallFiles,
    before: edit,
    step: warm,
    limits: ['cp50k'],
  },
  copy512m: {
    about: 'COPY of 512 MiB in 8 files, no cache',
    text: copy,
    fill: bigFiles,
    step: cold,
    limits: ['cp512m', 'sha512m'],
  },
  'memory-512m': {
    about: 'COPY of 50,000 small files by a client with 512 MB of memory',
    text: copy,
    fill: smallFiles,
    step: (tool, tag, context) => withMemory(512e6, tool.build(tag, context, { fresh: true })),
    limits: ['cp50k'],
  },
  ignored: {
    about: 'COPY of 10,000 files, 190,000 more are ignored',
    text: copy,
    fill: mostlyIgnored,
    step: cold,
    limits: ['cp10k'],
  },
};

const manyBuilds = {
  layers127: {
    about: 'one more step and RUN above 126 layers',
    text: `FROM ${base}\n${lines(125, (i) => `COPY a.txt /f${i}\n`)}COPY b.txt /\nRUN true\n`,
    fill: twoFiles,
    before: ({ context, turn }) => writeFileSync(join(context, 'b.txt'), `${turn}\n`),
    step: warm,
    limits: ['node', 'unshare'],
  },
  'base-big': {
    about: `10 small RUN steps over a base of ${gibibytes} GiB`,
    text: bigLayer,
    before: ({ context, turn }) =>
      writeFileSync(
        join(context, 'Dockerfile'),
        `${bigLayer}${lines(10, (i) => `RUN echo ${turn} > /f${i}\n`)}`,
      ),
    step: warm,
    limits: ['node', 'unshare10'],
  },
  monorepo: {
    about: '20 Dockerfiles in a row, one service edited',
    text: '',
    fill(directory) {
      monorepo(directory);
      for (let i = 0; i < 20; i++)
        writeFileSync(
          join(directory, `Dockerfile.${i}`),
          `FROM ${base}\nCOPY library /library\nCOPY service${i} /app\nRUN echo ${i} > /made\n`,
        );
    },
    prepare: (tool, tag, context) => inRow(services(tool, tag, context)),
    before: ({ context, turn }) => appendFileSync(join(context, 'service7', 'index.js'), `// ${turn}\n`),
    step: (tool, tag, context) => inRow(services(tool, tag, context)),
    limits: ['node20'],
  },
  'eight-at-once': {
    about: '8 builds at once, 4 RUN steps each, no cache',
    text: `FROM ${base}\n${lines(4, (i) => `RUN echo ${i} > /f${i}\n`)}`,
    step: (tool, tag, context) =>
      atOnce(Array.from({ length: 8 }, (_, i) => tool.build(`${tag}-${i}`, context, { fresh: true }))),
    limits: ['node8'],
  },
};

function services(tool, tag, context) {
  return Array.from({ length: 20 }, (_, i) =>
    tool.build(`${tag}-${i}`, context, { flags: ['-f', join(context, `Dockerfile.${i}`)] }),
  );
}

const containers = {
  run: {
    about: 'run --rm IMAGE true',
    text: cached,
    fill: oneFile,
    step: (tool, tag) => tool.run(tag),
    limits: ['node', 'unshare'],
  },
  'run-nonet': {
    about: 'run --rm --network=none IMAGE true',
    text: cached,
    fill: oneFile,
    step: (tool, tag) => tool.run(tag, ['--network=none']),
    limits: ['node', 'unshare'],
  },
  detached: {
    about: 'run -d, then rm -f',
    text: `FROM ${base}\n`,
    step: (tool, tag, _context, turn) => {
      const name = `bench-${turn}`;
      return inRow([tool.start(tag, name), tool.remove(name)]);
    },
    limits: ['node', 'unshare'],
  },
};

const moving = {
  pull: {
    about: 'pull and unpack the big base',
    before: ({ tool }) => time(tool.forget(bigBase)),
    step: (tool) => tool.pull(bigBase),
    limits: ['untar'],
  },
  push: {
    about: 'push a fresh layer of 512 MiB',
    text: copy,
    fill: bigFiles,
    before({ tool, tag, context, turn }) {
      const fd = openSync(join(context, 'big0'), 'r+');
      writeSync(fd, `${turn}\n`, 0);
      closeSync(fd);
      time(tool.build(tag, context));
    },
    step: (tool, tag, _context, turn) => tool.push(tag, `${registry}/${tag}-${turn.split('-')[0]}`),
    limits: ['gzip512m', 'sha512m'],
  },
  save: {
    about: 'save the image with 50,000 small files',
    text: copy,
    fill: smallFiles,
    before: ({ root }) => rmSync(join(root, 'save.tar'), { force: true }),
    step: (tool, tag, context) => tool.save(tag, join(context, '..', 'save.tar')),
    limits: ['tar50k'],
  },
};

export const workloads = { ...building, ...copying, ...manyBuilds, ...containers, ...moving };
export { bigBase };
