// Builds of RUN steps and stages.
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cProject, monorepo, nodeApp, oneFile, twoFiles } from '../contexts.mjs';
import { atOnce, inRow } from '../tools.mjs';
import {
  base,
  baseGibibytes,
  bigBase,
  cold,
  debianBase,
  lines,
  nodeBase,
  registry,
  warm,
} from './inputs.mjs';

export const cached = `FROM ${base}\nARG X=1\nENV A=$X\nWORKDIR /w\nCOPY a.txt .\n${lines(6, (i) => `RUN echo ${i} > f${i}\n`)}USER 1000\nCMD true\n`;
const bigLayer = `FROM ${base}\nRUN dd if=/dev/urandom of=/big bs=1M count=${baseGibibytes * 1024} 2>/dev/null\n`;
const manyLayers = `${registry}/tsbuild-bench/layers126`;

export const steps = {
  noop: {
    about: 'fully cached rebuild, 12 steps',
    text: cached,
    fill: oneFile,
    step: warm,
    limits: ['node'],
  },
  run10: {
    about: '10 trivial RUN steps, no cache',
    text: `FROM ${base}\n${lines(10, (i) => `RUN echo ${i} > /f${i}\n`)}`,
    step: cold,
    limits: ['node', 'container10'],
  },
  'touch-big': {
    about: 'RUN touches a file over a base of many',
    text: `FROM ${bigBase}\nRUN touch /x\n`,
    step: cold,
    limits: ['node', 'container'],
  },
  'rm-big': {
    about: 'RUN changes the metadata of many files of the base and deletes others',
    text: `FROM ${bigBase}\nRUN chmod -R g+w /usr/share && rm -rf /usr/lib/gcc*\n`,
    step: cold,
    limits: ['cpShare'],
  },
  write512m: {
    about: 'RUN writes 512 MiB',
    text: `FROM ${base}\nRUN dd if=/dev/urandom of=/big bs=1M count=512 2>/dev/null\n`,
    heavy: true,
    step: cold,
    limits: ['dd512m', 'sha512m'],
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
    about: "apt-get update and install of a package from a mirror, on the host's network",
    text: `FROM ${debianBase}\nRUN apt-get update && apt-get install -y --no-install-recommends jq\n`,
    prepare: (tool, tag, context) => tool.build(tag, context, { flags: ['--network=host'] }),
    step: (tool, tag, context) => tool.build(tag, context, { fresh: true, flags: ['--network=host'] }),
    limits: ['apt'],
  },
};

export const graphs = {
  stages: {
    about: '4 independent stages of a second each',
    text: `${lines(4, (i) => `FROM ${base} AS s${i}\nRUN sleep 1; echo ${i} > /o${i}\n`)}FROM ${base}\n${lines(4, (i) => `COPY --from=s${i} /o${i} /\n`)}`,
    step: cold,
    limits: ['sleep'],
  },
  stages30: {
    about: 'a graph of 30 stages, each with what three others made',
    text: lines(30, stage),
    // The whole takes Buildah minutes.
    prepare: (tool, tag, context) => tool.build(tag, context, { flags: ['--target', 's0'] }),
    step: cold,
    limits: ['node', 'container30'],
  },
  layers127: {
    about: 'COPY and RUN above 125 layers of a base of 126',
    text: `FROM ${manyLayers}\nCOPY b.txt /\nRUN true\n`,
    fill: twoFiles,
    publish: {
      name: manyLayers,
      text: `FROM ${base}\n${lines(124, (i) => `COPY a.txt /f${i}\n`)}`,
    },
    before: ({ context, turn }) => writeFileSync(join(context, 'b.txt'), `${turn}\n`),
    step: warm,
    limits: ['node', 'container'],
  },
  'base-big': {
    about: `10 small RUN steps over a base of ${baseGibibytes} GiB`,
    text: bigLayer,
    heavy: true,
    before: ({ context, turn }) =>
      writeFileSync(
        join(context, 'Dockerfile'),
        `${bigLayer}${lines(10, (i) => `RUN echo ${turn} > /f${i}\n`)}`,
      ),
    step: warm,
    limits: ['node', 'container10'],
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

function stage(i) {
  const copies = [1, 2, 3]
    .filter((back) => back <= i)
    .map((back) => `COPY --from=s${i - back} /o${i - back} /\n`);
  return `FROM ${base} AS s${i}\n${copies.join('')}RUN echo ${i} > /o${i}\n`;
}

function services(tool, tag, context) {
  return Array.from({ length: 20 }, (_, i) =>
    tool.build(`${tag}-${i}`, context, { flags: ['-f', join(context, `Dockerfile.${i}`)] }),
  );
}
