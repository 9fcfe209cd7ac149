import { Option } from 'commander';
import {
  type PruneRequest,
  pruneNetworks,
  prune as pruneStore,
  pruneVolumes as pruneStoreVolumes,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { humanSize } from '../format/size.ts';
import { listOption } from '../option-values.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { parseBytes } from '../values.ts';
import { confirmed } from './confirm.ts';
import { PruneConditions } from './prune-filter.ts';

interface PruneValues {
  readonly all?: boolean;
  readonly force?: boolean;
  readonly filter?: readonly string[];
  readonly volumes?: boolean;
  readonly maxUsedSpace?: string;
  readonly reservedSpace?: string;
  readonly keepStorage?: string;
}

interface PruneKind {
  /** What will be gone, as it is announced. */
  readonly warning: (values: PruneValues) => string;
  readonly filters: readonly string[];
  readonly request: (values: PruneValues, conditions: PruneConditions) => PruneRequest;
  /** Everything goes: networks too, and with `--volumes` volumes. */
  readonly system?: boolean;
  /** Whether there are limits of the build cache. */
  readonly limits?: boolean;
}

const pruning = ({ warning, filters, request, system, limits }: PruneKind): CommandModule => ({
  declare(command, done) {
    command.option('-a, --all', 'also what is named but unused').option('-f, --force', 'do not ask');
    listOption(command, '--filter <condition>', filters.map((name) => `${name}=…`).join(', '));
    if (system) command.option('--volumes', 'anonymous volumes that no container uses too');
    if (limits) {
      command
        .option('--max-used-space <bytes>', 'remove what was used least recently until it takes no more')
        .option('--reserved-space <bytes>', 'so much may stay in any case')
        .addOption(new Option('--keep-storage <bytes>').hideHelp())
        .addOption(new Option('--verbose').hideHelp());
    }
    command.action(async (values: PruneValues) => {
      const conditions = new PruneConditions(values.filter ?? [], filters);
      const what = request(values, conditions);
      if (!values.force && !(await confirmed(warning(values)))) return done(ExitCode.ok);
      const { containers, images, cache, reclaimed } = await pruneStore(what);
      const gone = values.volumes
        ? await pruneStoreVolumes({ filter: conditions.volume })
        : { names: [], reclaimed: 0 };
      report('Deleted Containers', containers);
      report('Deleted Volumes', gone.names);
      if (system) report('Deleted Networks', await pruneNetworks());
      report(
        'Deleted Images',
        images.map((id) => `deleted: ${id}`),
      );
      report('Deleted build cache objects', cache);
      stdout.write(`Total reclaimed space: ${humanSize(reclaimed + gone.reclaimed)}\n`);
      done(ExitCode.ok);
    });
  },
});

function report(title: string, lines: readonly string[]): void {
  if (lines.length > 0) stdout.write(`${title}:\n${lines.map((line) => `${line}\n`).join('')}\n`);
}

const imagesOf = ({ all }: PruneValues): PruneRequest['images'] & {} => (all ? 'all' : 'dangling');

export const prune = pruning({
  system: true,
  filters: ['until', 'label'],
  warning: ({ all, volumes }) =>
    [
      'the following:',
      '  - all stopped containers',
      '  - all networks not used by at least one container',
      ...(volumes ? ['  - all anonymous volumes not used by at least one container'] : []),
      `  - all ${all ? 'images without at least one container associated to them' : 'dangling images'}`,
      `  - ${all ? 'all' : 'unused'} build cache`,
      '',
    ].join('\n'),
  request: (values, conditions) => ({
    containers: true,
    images: imagesOf(values),
    cacheUnusedFor: conditions.unusedFor(),
    only: conditions,
  }),
});

export const pruneImages = pruning({
  filters: ['until', 'label'],
  warning: ({ all }) =>
    all ? 'all images without at least one container associated to them.' : 'all dangling images.',
  request: (values, conditions) => ({ images: imagesOf(values), only: conditions }),
});

export const pruneContainers = pruning({
  filters: ['until', 'label'],
  warning: () => 'all stopped containers.',
  request: (_, conditions) => ({ containers: true, only: conditions }),
});

export const pruneBuilder = pruning({
  filters: ['until', 'id', 'type', 'description', 'inuse'],
  limits: true,
  warning: () => 'all build cache.',
  request: (values, conditions) => {
    const cacheFilter = conditions.cache();
    const keep = values.maxUsedSpace ?? values.reservedSpace ?? values.keepStorage;
    return {
      cacheUnusedFor: conditions.unusedFor(),
      ...(cacheFilter && { cacheFilter }),
      ...(keep !== undefined && { keepCache: parseBytes(keep, '--max-used-space') }),
    };
  },
});

export const pruneVolumes: CommandModule = {
  declare(command, done) {
    command.option('-a, --all', 'also those that have a name').option('-f, --force', 'do not ask');
    listOption(command, '--filter <condition>', 'label=KEY[=VALUE], label!=KEY[=VALUE], all=true');
    command.action(async (values: PruneValues) => {
      const asked = values.filter ?? [];
      const isAll = (text: string) => /^all=(1|true)$/.test(text);
      const all = values.all === true || asked.some(isAll);
      const conditions = new PruneConditions(
        asked.filter((text) => !isAll(text)),
        ['label'],
      );
      const warning = `${all ? 'all' : 'anonymous'} local volumes not used by at least one container.`;
      if (values.force || (await confirmed(warning))) {
        const { names, reclaimed } = await pruneStoreVolumes({ all, filter: conditions.volume });
        report('Deleted Volumes', names);
        stdout.write(`Total reclaimed space: ${humanSize(reclaimed)}\n`);
      }
      done(ExitCode.ok);
    });
  },
};
