import {
  type ImageRow,
  history as imageHistory,
  images,
  inspectImages,
  listContainers,
  parsePlatform,
  pullImage,
  pushImage,
  removeImage,
  tagImage,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { humanSize } from '../size.ts';
import { type Column, formatRows, humanDuration } from '../table.ts';
import { renderTemplate } from '../template/render.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

interface ListedRow {
  readonly Repository: string;
  readonly Tag: string;
  readonly Digest: string;
  readonly ID: string;
  readonly CreatedAt: string;
  readonly CreatedSince: string;
  readonly Size: string;
}

const COLUMNS: readonly Column<ListedRow>[] = [
  { heading: 'REPOSITORY', field: 'Repository' },
  { heading: 'TAG', field: 'Tag' },
  { heading: 'IMAGE ID', field: 'ID' },
  { heading: 'CREATED', field: 'CreatedSince' },
  { heading: 'SIZE', field: 'Size' },
];

const DIGEST_COLUMN: Column<ListedRow> = { heading: 'DIGEST', field: 'Digest' };

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
      .description('List images')
      .argument('[repository]', 'only images of this repository[:tag]')
      .option('-a, --all', 'accepted for compatibility')
      .option('-q, --quiet', 'only show image IDs')
      .option('--digests', 'show digests')
      .option('--no-trunc', 'do not shorten IDs')
      .option('--format <template>', 'a Go template, json, or table TEMPLATE')
      .option(
        '-f, --filter <condition>',
        'dangling=true|false, reference=PATTERN',
        (value, all: string[] = []) => [...all, value],
      )
      .action(async (repository: string | undefined, values: ListValues) => {
        const rows = (await images()).filter(
          (row) => matches(row, repository) && (values.filter ?? []).every((text) => passes(row, text)),
        );
        const shown = rows.map((row) => listedRow(row, values.trunc));
        if (values.quiet) process.stdout.write([...new Set(shown.map(({ ID }) => `${ID}\n`))].join(''));
        else {
          const columns = values.digests
            ? [...COLUMNS.slice(0, 2), DIGEST_COLUMN, ...COLUMNS.slice(2)]
            : COLUMNS;
          process.stdout.write(formatRows(columns, shown, values.format));
        }
        done(ExitCode.ok);
      });
  },
};

function listedRow({ repository, tag, digest, id, created, size }: ImageRow, truncate: boolean): ListedRow {
  return {
    Repository: repository,
    Tag: tag,
    Digest: digest,
    ID: truncate ? shortId(id) : id,
    CreatedAt: created ?? 'N/A',
    CreatedSince: since(created),
    Size: humanSize(size),
  };
}

function matches({ repository, tag }: ImageRow, wanted: string | undefined): boolean {
  return wanted === undefined || repository === wanted || `${repository}:${tag}` === wanted;
}

function passes(row: ImageRow, condition: string): boolean {
  const [name, value = ''] = condition.split('=', 2);
  if (name === 'dangling')
    return (row.repository === '<none>' || row.tag === '<none>') === (value === 'true');
  if (name === 'reference') {
    const pattern = new RegExp(
      `^${value
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '[^/]*')
        .replaceAll('?', '[^/]')}$`,
    );
    return pattern.test(row.repository) || pattern.test(`${row.repository}:${row.tag}`);
  }
  throw new UsageError(`invalid filter '${condition}': use dangling=true|false or reference=PATTERN`);
}

function since(created: string | undefined): string {
  const time = Date.parse(created ?? '');
  return Number.isNaN(time) ? 'N/A' : `${humanDuration(Date.now() - time)} ago`;
}

function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

export const inspect: CommandModule = {
  declare(command, done) {
    command
      .description('Show images or containers as JSON')
      .argument('<name...>')
      .option('-f, --format <template>', 'a Go template, or json')
      .option('--type <type>', 'image or container')
      .option('-s, --size', 'accepted for compatibility')
      .action(
        async (names: readonly string[], values: { readonly format?: string; readonly type?: string }) => {
          const found: unknown[] = [];
          let status: number = ExitCode.ok;
          for (const name of names) {
            const object = await inspectOne(name, values.type);
            if (object !== undefined) found.push(object);
            else {
              process.stderr.write(`Error: No such ${values.type ?? 'object'}: ${name}\n`);
              status = ExitCode.failure;
            }
          }
          process.stdout.write(formatObjects(found, values.format));
          done(status);
        },
      );
  },
};

function formatObjects(found: readonly unknown[], format: string | undefined): string {
  if (format === undefined) return `${JSON.stringify(found, undefined, 4)}\n`;
  if (format === 'json') return `${JSON.stringify(found)}\n`;
  return found.map((object) => `${renderTemplate(format, object)}\n`).join('');
}

async function inspectOne(name: string, type: string | undefined): Promise<unknown> {
  if (type !== 'image') {
    const container = (await listContainers({ all: true })).find(
      (state) => state.id === name || state.name === name || (name.length >= 4 && state.id.startsWith(name)),
    );
    if (container !== undefined) return container;
  }
  if (type === 'container') return undefined;
  try {
    return (await inspectImages([name]))[0];
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'NO_SUCH_IMAGE') return undefined;
    throw error;
  }
}

export const history: CommandModule = {
  declare(command, done) {
    command
      .description('Show the history of an image')
      .argument('<image>')
      .option('-q, --quiet', 'only show image IDs')
      .option('-H, --human', 'accepted for compatibility')
      .option('--no-trunc', 'do not shorten the output')
      .option('--format <template>', 'a Go template, json, or table TEMPLATE')
      .action(async (name: string, values: ListValues) => {
        const rows = (await imageHistory(name)).map((row) => ({
          ID: values.trunc ? shortId(row.id) : row.id,
          CreatedSince: since(row.created),
          CreatedAt: row.created ?? 'N/A',
          CreatedBy:
            values.trunc && row.createdBy.length > 45 ? `${row.createdBy.slice(0, 44)}…` : row.createdBy,
          Size: humanSize(row.size),
          Comment: row.comment,
        }));
        if (values.quiet) process.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
        else {
          const columns: readonly Column<(typeof rows)[number]>[] = [
            { heading: 'IMAGE', field: 'ID' },
            { heading: 'CREATED', field: 'CreatedSince' },
            { heading: 'CREATED BY', field: 'CreatedBy' },
            { heading: 'SIZE', field: 'Size' },
            { heading: 'COMMENT', field: 'Comment' },
          ];
          process.stdout.write(formatRows(columns, rows, values.format));
        }
        done(ExitCode.ok);
      });
  },
};

export const tag: CommandModule = {
  declare(command, done) {
    command
      .description('Give an image another name')
      .argument('<source>')
      .argument('<target>')
      .action(async (source: string, target: string) => {
        await tagImage(source, target);
        done(ExitCode.ok);
      });
  },
};

export const remove: CommandModule = {
  declare(command, done) {
    command
      .description('Remove images')
      .argument('<image...>')
      .option('-f, --force', 'also when it has several names or a container uses it')
      .option('--no-prune', 'accepted for compatibility')
      .action(async (names: readonly string[], values: { readonly force?: boolean }) => {
        let status: number = ExitCode.ok;
        for (const name of names) {
          try {
            const { untagged, deleted } = await removeImage(name, { force: values.force === true });
            for (const text of untagged) process.stdout.write(`Untagged: ${text}\n`);
            for (const id of deleted) process.stdout.write(`Deleted: ${id}\n`);
          } catch (error) {
            const { code, message } = error as Error & { readonly code?: string };
            if (code === 'NO_SUCH_IMAGE' && values.force) continue;
            if (code !== 'NO_SUCH_IMAGE' && code !== 'CONFLICT') throw error;
            process.stderr.write(`Error: ${message}\n`);
            status = ExitCode.failure;
          }
        }
        done(status);
      });
  },
};

export const pull: CommandModule = {
  declare(command, done) {
    command
      .description('Download an image')
      .argument('<image>')
      .option('-q, --quiet', 'show no progress')
      .option('--platform <platform>', 'os/arch[/variant]')
      .action(async (name: string, values: { readonly platform?: string }) => {
        const pulled = await pullImage(
          name,
          values.platform === undefined ? {} : { platform: parsePlatform(values.platform) },
        );
        process.stdout.write(`${pulled}\n`);
        done(ExitCode.ok);
      });
  },
};

export const push: CommandModule = {
  declare(command, done) {
    command
      .description('Upload an image to its registry')
      .argument('<image>')
      .option('-q, --quiet', 'show no progress')
      .action(async (name: string, values: { readonly quiet?: boolean }) => {
        const digest = await pushImage(name);
        process.stdout.write(values.quiet ? `${name}\n` : `${name}: digest: ${digest}\n`);
        done(ExitCode.ok);
      });
  },
};
