// Work on more bytes than the command's control group may have in memory. The page cache counts there: what the command
// writes must be on the disk before it can write on. A daemon works outside of the group, so Docker is left out.
import { bigFiles, smallFiles } from '../contexts.mjs';
import { time, withMemory } from '../tools.mjs';
import { published } from './containers.mjs';
import { copying, freshLayer, pushed } from './copying.mjs';
import { MEMORY_LIMIT } from './inputs.mjs';

const { text } = copying.copy512m;
const common = { heavy: true, leaveOut: ['docker'] };
const limitedBuild = (tool, tag, context) =>
  withMemory(MEMORY_LIMIT, tool.build(tag, context, { fresh: true }));

export const limited = {
  'memory-copy': {
    ...common,
    about: 'COPY of 512 MiB with 512 MB of memory',
    text,
    fill: bigFiles,
    step: limitedBuild,
    limits: ['cp512mLimited'],
  },
  'memory-files': {
    ...common,
    about: 'COPY of 50,000 small files with 512 MB of memory',
    text,
    fill: smallFiles,
    step: limitedBuild,
    limits: ['cp50k'],
  },
  'memory-push': {
    ...common,
    about: 'push a fresh layer of 512 MiB with 512 MB of memory',
    text,
    fill: bigFiles,
    before: freshLayer,
    step: (tool, tag, _context, turn) => withMemory(MEMORY_LIMIT, tool.push(tag, pushed(tag, turn))),
    limits: ['gzip512m'],
  },
  'memory-pull': {
    ...common,
    about: 'pull and unpack the big base with 512 MB of memory',
    publish: published,
    before: ({ tool }) => time(tool.forget(published.name)),
    step: (tool) => withMemory(MEMORY_LIMIT, tool.pull(published.name)),
    after: (tool) => tool.forget(published.name),
    limits: ['untar'],
  },
};
