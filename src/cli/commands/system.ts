import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import {
  checkStore,
  type PruneRequest,
  prune as pruneStore,
  info as storeInfo,
  VERSION,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { humanSize } from '../size.ts';
import { renderTemplate } from '../template/render.ts';
import type { CommandModule } from '../tsctr.ts';

interface PruneValues {
  readonly all?: boolean;
  readonly force?: boolean;
}

type PruneKind = (values: PruneValues) => PruneRequest;

const pruning = (about: string, removes: string, request: PruneKind): CommandModule => ({
  declare(command: Command, done) {
    command
      .description(about)
      .option('-a, --all', 'also what is named but unused')
      .option('-f, --force', 'do not ask')
      .option('--volumes', 'accepted for compatibility: volumes are never removed unasked')
      .option('--filter <condition>', 'accepted for compatibility')
      .action(async (values: PruneValues) => {
        if (!values.force && !(await confirmed(`This will remove ${removes}. Continue? [y/N] `))) return;
        const { containers, images, cache, reclaimed } = await pruneStore(request(values));
        for (const [title, ids] of [
          ['Deleted Containers', containers],
          ['Deleted Images', images],
          ['Deleted build cache objects', cache],
        ] as const) {
          if (ids.length > 0) process.stdout.write(`${title}:\n${ids.map((id) => `${id}\n`).join('')}\n`);
        }
        process.stdout.write(`Total reclaimed space: ${humanSize(reclaimed)}\n`);
        done(ExitCode.ok);
      });
  },
});

async function confirmed(question: string): Promise<boolean> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(await reader.question(question));
  } finally {
    reader.close();
  }
}

export const prune = pruning(
  'Remove what is not needed any more',
  'stopped containers, unnamed images and the build cache',
  ({ all }) => ({
    containers: true,
    images: all ? 'all' : 'dangling',
    cacheUnusedFor: 0,
  }),
);

export const pruneImages = pruning('Remove unused images', 'unused images', ({ all }) => ({
  images: all ? 'all' : 'dangling',
}));

export const pruneContainers = pruning('Remove stopped containers', 'stopped containers', () => ({
  containers: true,
}));

export const pruneBuilder = pruning('Remove the build cache', 'the build cache', () => ({
  cacheUnusedFor: 0,
}));

export const check: CommandModule = {
  declare(command, done) {
    command.description('Verify every blob, layer and name in the store').action(async () => {
      const problems = await checkStore();
      for (const { subject, message } of problems) process.stdout.write(`${subject}: ${message}\n`);
      process.stdout.write(problems.length === 0 ? 'The store is clean\n' : `${problems.length} problems\n`);
      done(problems.length === 0 ? ExitCode.ok : ExitCode.failure);
    });
  },
};

export const info: CommandModule = {
  declare(command, done) {
    command
      .description('Show information about the store and the host')
      .option('-f, --format <template>', 'a Go template, or json')
      .action(async (values: { readonly format?: string }) => {
        const found = await storeInfo();
        if (values.format === 'json') process.stdout.write(`${JSON.stringify(found)}\n`);
        else if (values.format !== undefined)
          process.stdout.write(`${renderTemplate(values.format, found)}\n`);
        else for (const [name, value] of Object.entries(found)) process.stdout.write(`${name}: ${value}\n`);
        done(ExitCode.ok);
      });
  },
};

export const version: CommandModule = {
  declare(command, done) {
    command
      .description('Show the version')
      .option('-f, --format <template>', 'a Go template, or json')
      .action((values: { readonly format?: string }) => {
        const found = { Client: { Version: VERSION }, Server: { Version: VERSION }, Node: process.version };
        if (values.format === 'json') process.stdout.write(`${JSON.stringify(found)}\n`);
        else if (values.format !== undefined)
          process.stdout.write(`${renderTemplate(values.format, found)}\n`);
        else process.stdout.write(`tsbuild ${VERSION}, Node ${process.version}\n`);
        done(ExitCode.ok);
      });
  },
};
