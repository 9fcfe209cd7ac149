import { type ImageRow, images, listContainers } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { formatListing, type Listing, type Row } from '../format/listing.ts';
import { humanSize } from '../format/size.ts';
import { since, timestamp } from '../format/time.ts';
import { listOption } from '../option-values.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { parseBoolean } from '../values.ts';
import { type Filters, filterBy, hasLabel } from './filter.ts';
import { shortId } from './short-id.ts';

const COLUMNS = ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size'];

const LISTING: Listing = {
  columns: COLUMNS,
  headings: {
    Containers: 'CONTAINERS',
    CreatedAt: 'CREATED AT',
    CreatedSince: 'CREATED',
    Digest: 'DIGEST',
    ID: 'IMAGE ID',
    Repository: 'REPOSITORY',
    SharedSize: 'SHARED SIZE',
    Size: 'SIZE',
    Tag: 'TAG',
    UniqueSize: 'UNIQUE SIZE',
    VirtualSize: 'SIZE',
  },
};

const WITH_DIGEST: Listing = { ...LISTING, columns: COLUMNS.toSpliced(2, 0, 'Digest') };

interface ListValues {
  readonly quiet?: boolean;
  readonly format?: string;
  readonly trunc: boolean;
  readonly digests?: boolean;
  readonly filter?: readonly string[];
}

export const list: CommandModule = {
  declare(command, done) {
    command
      .argument('[repository]', 'only images of this repository[:tag], which may have wildcards')
      .option('-a, --all', 'accepted for compatibility')
      .option('-q, --quiet', 'only show image IDs')
      .option('--digests', 'show digests')
      .option('--no-trunc', 'do not shorten IDs')
      .option('--format <template>', 'a Go template, json, table, or table TEMPLATE');
    listOption(command, '-f, --filter <condition>', 'dangling, label, reference, before, since');
    command.action(async (repository: string | undefined, values: ListValues) => {
      const all = await images();
      const conditions = [...(values.filter ?? []), ...(repository ? [`reference=${repository}`] : [])];
      const found = all.filter(filterBy(conditions, filters(all)));
      if (values.quiet) {
        const ids = found.map(({ id }) => (values.trunc ? shortId(id) : id));
        stdout.write([...new Set(ids)].map((id) => `${id}\n`).join(''));
      } else {
        const users = await usersOf(values.format);
        const rows = found.map((image) => row(image, values.trunc, users.get(image.id) ?? 0));
        stdout.write(formatListing(values.digests ? WITH_DIGEST : LISTING, rows, values.format));
      }
      done(ExitCode.ok);
    });
  },
};

/** How many containers each image has; looked up for who asks. */
async function usersOf(format: string | undefined): Promise<ReadonlyMap<string, number>> {
  const users = new Map<string, number>();
  if (format === undefined || !/json|Containers/.test(format)) return users;
  for (const { imageId } of await listContainers({ all: true }))
    users.set(imageId, (users.get(imageId) ?? 0) + 1);
  return users;
}

function row(image: ImageRow, truncate: boolean, users: number): Row {
  const { repository, tag, digest, id, created, size } = image;
  return {
    Containers: String(users),
    CreatedAt: timestamp(created),
    CreatedSince: since(created),
    Digest: digest,
    ID: truncate ? shortId(id) : id,
    Repository: repository,
    SharedSize: 'N/A',
    Size: humanSize(size),
    Tag: tag,
    UniqueSize: 'N/A',
    VirtualSize: humanSize(size, 4),
  };
}

function filters(all: readonly ImageRow[]): Filters<ImageRow> {
  const time = ({ created }: ImageRow) => Date.parse(created ?? '') || 0;
  const named = (name: string) => {
    const found = all.find((image) => isNamed(image, name) || shortId(image.id).startsWith(shortId(name)));
    return found === undefined ? Number.NaN : time(found);
  };
  return {
    dangling: ({ repository, tag }, value) =>
      (repository === '<none>' || tag === '<none>') === parseBoolean(value, '--filter dangling'),
    label: ({ labels }, value) => hasLabel(labels, value),
    reference: isNamed,
    before: (image, value) => time(image) < named(value),
    since: (image, value) => time(image) > named(value),
  };
}

/** Whether repository, or repository and tag, match the pattern; Docker Hub's names may be written in full. */
function isNamed({ repository, tag }: ImageRow, pattern: string): boolean {
  const expression = pattern
    .replace(/^(index\.)?docker\.io\/(library\/)?/, '')
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  const matcher = new RegExp(`^${expression}$`);
  return matcher.test(repository) || matcher.test(`${repository}:${tag}`);
}
