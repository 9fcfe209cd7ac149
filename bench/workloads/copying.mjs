// Builds that copy their context, and what is done with their images.
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { bigFiles, mostlyIgnored, smallFiles } from '../contexts.mjs';
import { time } from '../tools.mjs';
import { base, cold, registry, warm } from './inputs.mjs';

const text = `FROM ${base}\nCOPY . /src\n`;
const edit = ({ context, turn }) => writeFileSync(join(context, 'p7', 'lib1', 'f280.js'), `edited ${turn}\n`);

export const copying = {
  copy50k: {
    about: 'COPY of 50,000 small files, no cache',
    text,
    fill: smallFiles,
    heavy: true,
    step: cold,
    limits: ['cp50k', 'tar50k'],
  },
  'copy-warm': {
    about: 'COPY of 50,000 files, nothing changed',
    text,
    fill: smallFiles,
    step: warm,
    limits: ['stat50k'],
  },
  'copy-edit': {
    about: 'COPY of 50,000 files, one edited',
    text,
    fill: smallFiles,
    heavy: true,
    before: edit,
    step: warm,
    limits: ['cp50k'],
  },
  copy512m: {
    about: 'COPY of 512 MiB in 8 files, no cache',
    text,
    fill: bigFiles,
    heavy: true,
    step: cold,
    limits: ['cp512m', 'sha512m'],
  },
  ignored: {
    about: 'COPY of 10,000 files, 190,000 more are ignored',
    text,
    fill: mostlyIgnored,
    heavy: true,
    step: cold,
    limits: ['cp10k'],
  },
  save: {
    about: 'save the image with 50,000 small files',
    text,
    fill: smallFiles,
    heavy: true,
    before: ({ root }) => rmSync(join(root, 'save.tar'), { force: true }),
    step: (tool, tag, context) => tool.save(tag, join(context, '..', 'save.tar')),
    limits: ['tar50k'],
  },
  push: {
    about: 'push a fresh layer of 512 MiB',
    text,
    fill: bigFiles,
    heavy: true,
    before: freshLayer,
    step: (tool, tag, _context, turn) => tool.push(tag, pushed(tag, turn)),
    limits: ['gzip512m', 'sha512m'],
  },
};

/** An image of which every layer and blob is new: a changed file in a layer of its own size. */
export function freshLayer({ tool, tag, context, turn }) {
  const fd = openSync(join(context, 'big0'), 'r+');
  writeSync(fd, `${turn}\n`, 0);
  closeSync(fd);
  time(tool.build(tag, context));
}

/** One name for each tool, so that the registry keeps few. */
export function pushed(tag, turn) {
  return `${registry}/tsbuild-bench/${tag}-${turn.split('-')[0]}`;
}
