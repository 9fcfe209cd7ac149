import { history as imageHistory } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { formatListing, type Listing } from '../format/listing.ts';
import { humanSize } from '../format/size.ts';
import { since } from '../format/time.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { shortId } from './short-id.ts';

const LISTING: Listing = {
  columns: ['ID', 'CreatedSince', 'CreatedBy', 'Size', 'Comment'],
  headings: {
    Comment: 'COMMENT',
    CreatedAt: 'CREATED AT',
    CreatedBy: 'CREATED BY',
    CreatedSince: 'CREATED',
    ID: 'IMAGE',
    Size: 'SIZE',
  },
};

interface HistoryValues {
  readonly quiet?: boolean;
  readonly human?: boolean;
  readonly format?: string;
  readonly trunc: boolean;
}

export const history: CommandModule = {
  declare(command, done) {
    command
      .argument('<image>')
      .option('-q, --quiet', 'only show image IDs')
      .option('-H, --human', 'sizes and times for people (default true)')
      .option('--no-human', 'sizes in bytes, times as they are')
      .option('--no-trunc', 'do not shorten the output')
      .option('--format <template>', 'a Go template, json, table, or table TEMPLATE')
      .action(async (name: string, values: HistoryValues) => {
        const { trunc } = values;
        const human = values.human !== false;
        const rows = (await imageHistory(name)).map(({ id, created, createdBy, size, comment }) => ({
          Comment: comment,
          CreatedAt: created ?? '',
          CreatedBy: shorten(createdBy.replaceAll('\t', ' '), trunc),
          CreatedSince: human ? since(created) : (created ?? ''),
          ID: trunc ? shortId(id) : id,
          Size: human ? humanSize(size) : String(size),
        }));
        if (values.quiet) stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
        else stdout.write(formatListing(LISTING, rows, values.format));
        done(ExitCode.ok);
      });
  },
};

const LONGEST = 45;

function shorten(text: string, truncate: boolean): string {
  const characters = [...text];
  return truncate && characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join('')}…` : text;
}
