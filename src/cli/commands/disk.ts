import { buildCache, type CacheEntry, type DiskReport, type DiskTotals, diskReport } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { formatListing, type Listing, type Row } from '../format/listing.ts';
import { humanSize } from '../format/size.ts';
import { alignColumns } from '../format/table.ts';
import { since, timestamp } from '../format/time.ts';
import { listOption } from '../option-values.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { filterBy } from './filter.ts';
import { CACHE } from './prune-filter.ts';
import { shortId } from './short-id.ts';

const TOTALS: Listing = {
  columns: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'],
  headings: {
    Active: 'ACTIVE',
    Reclaimable: 'RECLAIMABLE',
    Size: 'SIZE',
    TotalCount: 'TOTAL',
    Type: 'TYPE',
  },
};

/** `system df`. */
export const diskFree: CommandModule = {
  declare(command, done) {
    command
      .option('-v, --verbose', 'show everything one by one')
      .option('--format <template>', 'a Go template, json, table, or table TEMPLATE')
      .action(async (values: { readonly verbose?: boolean; readonly format?: string }) => {
        const found = await diskReport();
        const text = values.verbose ? verbose(found) : formatListing(TOTALS, totals(found), values.format);
        stdout.write(text);
        done(ExitCode.ok);
      });
  },
};

function totals({ images, containers, volumes, cache }: DiskReport): readonly Row[] {
  return [
    total('Images', images, true),
    total('Containers', containers, true),
    total('Local Volumes', volumes, true),
    total('Build Cache', cache, false),
  ];
}

function total(type: string, { count, active, size, reclaimable }: DiskTotals, share: boolean): Row {
  const percent = size === 0 ? 0 : Math.floor((reclaimable / size) * 100);
  return {
    Active: String(active),
    Reclaimable: humanSize(reclaimable, 4) + (share && size > 0 ? ` (${percent}%)` : ''),
    Size: humanSize(size, 4),
    TotalCount: String(count),
    Type: type,
  };
}

function verbose({ images, containers, volumes, cache }: DiskReport): string {
  const tables: readonly (readonly [title: string, rows: readonly (readonly string[])[]])[] = [
    ['Images space usage:', [IMAGE_COLUMNS, ...images.list.flatMap(imageLines)]],
    ['Containers space usage:', [CONTAINER_COLUMNS, ...containers.list.map(containerLine)]],
    [
      'Local Volumes space usage:',
      [
        ['VOLUME NAME', 'LINKS', 'SIZE'],
        ...volumes.list.map(({ volume, links, size }) => [volume.name, String(links), humanSize(size)]),
      ],
    ],
    [`Build cache usage: ${humanSize(cache.size, 4)}`, [CACHE_COLUMNS, ...cache.list.map(cacheLine)]],
  ];
  return tables.map(([title, rows]) => `${title}\n\n${alignColumns(rows)}`).join('\n');
}

const IMAGE_COLUMNS = [
  'REPOSITORY',
  'TAG',
  'IMAGE ID',
  'CREATED',
  'SIZE',
  'SHARED SIZE',
  'UNIQUE SIZE',
  'CONTAINERS',
];

function imageLines({ image, size, shared, containers }: DiskReport['images']['list'][number]): string[][] {
  const names = image.tags.length > 0 ? image.tags : ['<none>:<none>'];
  return names.map((name) => {
    const colon = name.lastIndexOf(':');
    return [
      name.slice(0, colon),
      name.slice(colon + 1),
      shortId(image.id),
      since(image.image.config.created),
      humanSize(size),
      humanSize(shared, 4),
      humanSize(size - shared, 4),
      String(containers),
    ];
  });
}

const CONTAINER_COLUMNS = [
  'CONTAINER ID',
  'IMAGE',
  'COMMAND',
  'LOCAL VOLUMES',
  'SIZE',
  'CREATED',
  'STATUS',
  'NAMES',
];

function containerLine({ state, size }: DiskReport['containers']['list'][number]): string[] {
  const { id, image, args, mounts = [], created, status, name } = state;
  const command = args.join(' ');
  return [
    id.slice(0, 12),
    image,
    JSON.stringify(command.length > 20 ? `${command.slice(0, 19)}…` : command),
    String(mounts.filter(({ type }) => type === 'volume').length),
    humanSize(size),
    since(created),
    status,
    name,
  ];
}

const CACHE_COLUMNS = ['CACHE ID', 'CACHE TYPE', 'SIZE', 'CREATED', 'LAST USED', 'SHARED'];

function cacheLine(entry: DiskReport['cache']['list'][number]): string[] {
  const { id, kind, size, createdAt, usedAt, shared } = entry;
  const times = [createdAt, usedAt].map((time) => since(time.toISOString()));
  return [id.slice(0, 12), kind, humanSize(size), ...times, String(shared)];
}

const USAGE: Listing = {
  columns: ['ID', 'Reclaimable', 'Size', 'LastUsedAt'],
  headings: {
    CreatedAt: 'CREATED AT',
    Description: 'DESCRIPTION',
    ID: 'ID',
    InUse: 'IN USE',
    LastUsedAt: 'LAST ACCESSED',
    Reclaimable: 'RECLAIMABLE',
    Size: 'SIZE',
    Type: 'TYPE',
  },
};

interface UsageValues {
  readonly verbose?: boolean;
  readonly format?: string;
  readonly filter?: readonly string[];
}

/** `builder du`. */
export const cacheUsage: CommandModule = {
  declare(command, done) {
    command
      .option('--verbose', 'show all that is known of each')
      .option('--format <template>', 'a Go template, json, table, or table TEMPLATE');
    listOption(command, '--filter <condition>', 'id, type, description, inuse');
    command.action(async (values: UsageValues) => {
      const filters = filterBy(values.filter ?? [], CACHE);
      const [found, { cache }] = await Promise.all([buildCache(), diskReport()]);
      const entries = found.filter(filters);
      if (values.verbose || values.format === 'pretty')
        stdout.write(entries.map((entry) => `${details(entry)}\n`).join(''));
      else stdout.write(formatListing(USAGE, entries.map(usageRow), values.format));
      if (values.format === undefined || values.format === 'pretty') {
        const total = entries.length === found.length ? cache.size : sizeOf(entries);
        const free = entries.length === found.length ? cache.reclaimable : sizeOf(entries.filter(isFree));
        stdout.write(`Reclaimable:\t${humanSize(free, 4)}\nTotal:\t\t${humanSize(total, 4)}\n`);
      }
      done(ExitCode.ok);
    });
  },
};

const isFree = ({ inUse }: CacheEntry) => !inUse;
const sizeOf = (entries: readonly CacheEntry[]) => entries.reduce((sum, { size }) => sum + size, 0);

function usageRow({ id, kind, size, createdAt, usedAt, description, inUse }: CacheEntry): Row {
  return {
    CreatedAt: timestamp(createdAt.toISOString()),
    Description: description,
    ID: id,
    InUse: String(inUse),
    LastUsedAt: since(usedAt.toISOString()),
    Reclaimable: String(!inUse),
    Size: humanSize(size),
    Type: kind,
  };
}

function details(entry: CacheEntry): string {
  const { id, createdAt, inUse, size, description, usedAt, kind } = entry;
  const fields = [
    ['ID:', id],
    ['Created at:', timestamp(createdAt.toISOString())],
    ['Mutable:', String(kind === 'exec.cachemount')],
    ['Reclaimable:', String(!inUse)],
    ['Size:', humanSize(size)],
    ['Description:', description],
    ['Last used:', since(usedAt.toISOString())],
    ['Type:', kind],
  ];
  return alignColumns(fields as string[][]);
}
