// Containers and images that are there already.
import { oneFile } from '../contexts.mjs';
import { inRow, time } from '../tools.mjs';
import { cached } from './building.mjs';
import { base, bigBase, registry } from './inputs.mjs';

/** An image that shares no layer with any other, so that a tool that has forgotten it has nothing of it. */
export const published = {
  name: `${registry}/tsbuild-bench/pull`,
  text: `FROM ${bigBase} AS base\nFROM scratch\nCOPY --from=base / /\n`,
};

export const containers = {
  run: {
    about: 'run --rm IMAGE true',
    text: cached,
    fill: oneFile,
    step: (tool, tag) => tool.run(tag),
    limits: ['node', 'container'],
  },
  'run-nonet': {
    about: 'run --rm --network=none IMAGE true',
    text: cached,
    fill: oneFile,
    step: (tool, tag) => tool.run(tag, ['--network=none']),
    limits: ['node', 'container'],
  },
  detached: {
    about: 'run -d, then rm -f',
    text: `FROM ${base}\n`,
    step: (tool, tag, _context, turn) => {
      const name = `bench-${turn}`;
      return inRow([tool.start(tag, name), tool.remove(name)]);
    },
    limits: ['node', 'container'],
  },
  pull: {
    about: 'pull and unpack the big base',
    publish: published,
    before: ({ tool }) => time(tool.forget(published.name)),
    step: (tool) => tool.pull(published.name),
    after: (tool) => tool.forget(published.name),
    limits: ['untar'],
  },
};
