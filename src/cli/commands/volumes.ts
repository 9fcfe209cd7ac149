import { createVolume, listVolumes, removeVolume, type Volume, volumesInUse } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { formatListing, type Listing, type Row } from '../format/listing.ts';
import { listOption } from '../option-values.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';
import { parseKeyValue } from '../values.ts';
import { filterBy, hasLabel } from './filter.ts';
import { forEachName } from './for-each-name.ts';

const LISTING: Listing = {
  columns: ['Driver', 'Name'],
  headings: {
    Driver: 'DRIVER',
    Labels: 'LABELS',
    Mountpoint: 'MOUNTPOINT',
    Name: 'VOLUME NAME',
    Scope: 'SCOPE',
  },
};

interface ListValues {
  readonly quiet?: boolean;
  readonly format?: string;
  readonly filter?: readonly string[];
}

export const list: CommandModule = {
  declare(command, done) {
    command
      .option('-q, --quiet', 'only show names')
      .option('--format <template>', 'a Go template, json, table, or table TEMPLATE');
    listOption(command, '-f, --filter <condition>', 'name, label, driver, dangling');
    command.action(async (values: ListValues) => {
      const used = values.filter?.some((text) => text.startsWith('dangling')) ? await volumesInUse() : NONE;
      const filters = {
        ...FILTERS,
        dangling: ({ name }: Volume, value: string) => used.has(name) !== /^(true|1)$/i.test(value),
      };
      const rows = (await listVolumes()).filter(filterBy(values.filter ?? [], filters)).map(row);
      if (values.quiet) stdout.write(rows.map(({ Name }) => `${Name}\n`).join(''));
      else stdout.write(formatListing(LISTING, rows, values.format));
      done(ExitCode.ok);
    });
  },
};

const NONE: ReadonlySet<string> = new Set();

const FILTERS: Readonly<Record<string, (volume: Volume, value: string) => boolean>> = {
  name: ({ name }, value) => name.includes(value),
  label: ({ labels = {} }, value) => hasLabel(labels, value),
  driver: (_, value) => value === 'local',
};

function row({ name, directory, labels = {} }: Volume): Row {
  return {
    Availability: 'N/A',
    Driver: 'local',
    Group: 'N/A',
    Label: (key) => (Object.hasOwn(labels, key) ? labels[key]! : ''),
    Labels: Object.entries(labels)
      .map((pair) => pair.join('='))
      .join(','),
    Links: 'N/A',
    Mountpoint: directory,
    Name: name,
    Scope: 'local',
    Size: 'N/A',
    Status: 'N/A',
  };
}

interface CreateValues {
  readonly driver: string;
  readonly label?: readonly string[];
  readonly opt?: readonly string[];
}

export const create: CommandModule = {
  declare(command, done) {
    command
      .argument('[volume]', 'its name; one of digits unless told')
      .option('-d, --driver <name>', 'local', 'local');
    listOption(command, '--label <key=value>', 'set metadata');
    listOption(command, '-o, --opt <key=value>', 'type=none,o=bind,device=PATH, or type=tmpfs: one each');
    command.action(async (name: string | undefined, values: CreateValues) => {
      if (values.driver !== 'local')
        throw new UsageError(`there is no volume driver "${values.driver}": use local`);
      const labels = Object.fromEntries((values.label ?? []).map(parseKeyValue));
      const options = Object.fromEntries((values.opt ?? []).map(parseKeyValue));
      const volume = await createVolume(name, { labels, options });
      stdout.write(`${volume.name}\n`);
      done(ExitCode.ok);
    });
  },
};

export const remove: CommandModule = {
  declare(command, done) {
    command
      .argument('<volume...>')
      .option('-f, --force', 'it need not be there')
      .action(async (names: readonly string[], values: { readonly force?: boolean }) =>
        done(
          await forEachName(names, async (name) => {
            try {
              await removeVolume(name);
            } catch (error) {
              if (!values.force || (error as { readonly code?: string }).code !== 'NOT_FOUND') throw error;
            }
            stdout.write(`${name}\n`);
          }),
        ),
      );
  },
};
