import {
  type ContainerState,
  containerLabels,
  listContainers,
  networkNames,
  portsText,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { formatListing, type Listing, type Row } from '../format/listing.ts';
import { humanDuration, since, timestamp } from '../format/time.ts';
import { listOption } from '../option-values.ts';
import type { CommandModule } from '../tsctr.ts';
import { parseIntegerIn } from '../values.ts';
import { filterBy } from './filter.ts';

const LISTING: Listing = {
  columns: ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names'],
  headings: {
    Command: 'COMMAND',
    CreatedAt: 'CREATED AT',
    ID: 'CONTAINER ID',
    Image: 'IMAGE',
    Labels: 'LABELS',
    LocalVolumes: 'LOCAL VOLUMES',
    Mounts: 'MOUNTS',
    Names: 'NAMES',
    Networks: 'NETWORKS',
    Ports: 'PORTS',
    RunningFor: 'CREATED',
    Size: 'SIZE',
    State: 'STATE',
    Status: 'STATUS',
  },
};

interface ListValues {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly format?: string;
  readonly trunc: boolean;
  readonly latest?: boolean;
  readonly last?: string;
  readonly filter?: readonly string[];
}

export const list: CommandModule = {
  declare(command, done) {
    command
      .option('-a, --all', 'also those that have ended')
      .option('-q, --quiet', 'only show IDs')
      .option('--no-trunc', 'do not shorten the output')
      .option('-n, --last <number>', 'the last so many that were created, also those that have ended')
      .option('-l, --latest', 'the last one that was created')
      .option('-s, --size', 'accepted for compatibility')
      .option('--format <template>', 'a Go template, json, table, or table TEMPLATE');
    listOption(
      command,
      '-f, --filter <condition>',
      'ancestor, exited, health, id, label, name, network, status, volume',
    );
    command.action(async (values: ListValues) => {
      const last = values.latest ? 1 : last_(values.last);
      const all = values.all === true || last !== undefined || asksForStatus(values.filter);
      const found = (await listContainers({ all })).filter(filterBy(values.filter ?? [], FILTERS));
      const rows = found.slice(0, last).map((state) => row(state, values.trunc));
      if (values.quiet) process.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
      else process.stdout.write(formatListing(LISTING, rows, values.format));
      done(ExitCode.ok);
    });
  },
};

function last_(text: string | undefined): number | undefined {
  return text === undefined || text === '-1' ? undefined : parseIntegerIn(text, '--last', 1, 1e9);
}

const asksForStatus = (conditions: readonly string[] = []) =>
  conditions.some((text) => /^(status|exited)=/.test(text));

const FILTERS: Readonly<Record<string, (state: ContainerState, value: string) => boolean>> = {
  ancestor: ({ image, imageId }, value) =>
    image === value || `${image}:latest` === value || imageId.replace('sha256:', '').startsWith(value),
  exited: ({ exitCode, status }, value) => status === 'exited' && String(exitCode ?? 0) === value,
  id: ({ id }, value) => id.startsWith(value),
  label: (state, value) => {
    const [name = '', wanted] = value.split(/=(.*)/s);
    const found = containerLabels(state)[name];
    return found !== undefined && (wanted === undefined || found === wanted);
  },
  health: ({ health }, value) => (health?.status ?? 'none') === value,
  // A pattern, as for Docker; what is none is a part of the name.
  name: ({ name }, value) => matches(value, name),
  network: ({ options }, value) => (options.network ?? 'bridge') === value,
  status: ({ status }, value) => status === value,
  volume: ({ mounts = [] }, value) => mounts.some(({ name, target }) => name === value || target === value),
};

function matches(pattern: string, name: string): boolean {
  try {
    const expression = new RegExp(pattern);
    return expression.test(name) || expression.test(`/${name}`);
  } catch {
    return name.includes(pattern);
  }
}

function row(state: ContainerState, truncate: boolean): Row & { readonly ID: string } {
  const { id, image, created, name, status, mounts = [] } = state;
  const labels = containerLabels(state);
  const shorten = (text: string, length: number) =>
    truncate && text.length > length ? `${text.slice(0, length - 1)}…` : text;
  return {
    Command: JSON.stringify(shorten(commandText(state), 20)),
    CreatedAt: timestamp(created),
    ID: truncate ? id.slice(0, 12) : id,
    Image: image,
    Label: (key) => labels[key] ?? '',
    Labels: Object.entries(labels)
      .map((pair) => pair.join('='))
      .sort()
      .join(','),
    LocalVolumes: String(mounts.filter(({ type }) => type === 'volume').length),
    Mounts: mounts.map((mount) => shorten(mount.name ?? mount.source ?? '', 15)).join(','),
    Names: name,
    Networks: networkNames(state).join(','),
    Ports: portsText(state),
    RunningFor: since(created),
    Size: '0B',
    State: status,
    Status: statusText(state),
  };
}

/** The words, quoted where a shell would need it. */
function commandText({ args }: ContainerState): string {
  return args.map((word) => (/[\s'"\\]|^$/.test(word) ? `'${word}'` : word)).join(' ');
}

const HEALTH = { starting: 'health: starting', healthy: 'healthy', unhealthy: 'unhealthy' };

/** As Docker has it. */
function statusText({ status, startedAt, finishedAt, exitCode = 0, health }: ContainerState): string {
  const up = () => `Up ${humanDuration(Date.now() - Date.parse(startedAt ?? ''))}`;
  switch (status) {
    case 'running':
      return health === undefined ? up() : `${up()} (${HEALTH[health.status]})`;
    case 'paused':
      return `${up()} (Paused)`;
    case 'restarting':
      return `Restarting (${exitCode}) ${since(finishedAt)}`;
    case 'exited':
      return `Exited (${exitCode}) ${since(finishedAt)}`;
    default:
      return 'Created';
  }
}
