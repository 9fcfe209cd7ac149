import {
  type ContainerSize,
  type ContainerState,
  containerLabels,
  containerSizes,
  exposedPorts,
  listContainers,
  networkNames,
  portsText,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { formatListing, type Listing, type Row } from '../format/listing.ts';
import { humanSize } from '../format/size.ts';
import { humanDuration, since, timestamp } from '../format/time.ts';
import { listOption } from '../option-values.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';
import { parseIntegerIn } from '../values.ts';
import { filterBy, hasLabel } from './filter.ts';

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
  readonly size?: boolean;
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
      .option('-s, --size', 'show how large they are')
      .option('--format <template>', 'a Go template, json, table, or table TEMPLATE');
    listOption(
      command,
      '-f, --filter <condition>',
      'ancestor, before, exited, expose, health, id, label, name, network, publish, since, status, volume',
    );
    command.action(async (values: ListValues) => {
      const last = values.latest ? 1 : last_(values.last);
      const all = values.all === true || last !== undefined || asksForStatus(values.filter);
      const conditions = values.filter ?? [];
      const others = conditions.some(isAboutAnother) ? await listContainers({ all: true }) : [];
      const found = (await listContainers({ all })).filter(filterBy(conditions, filters(others)));
      const shown = found.slice(0, last);
      const sizes = asksForSize(values) ? await containerSizes(shown.map(({ id }) => id)) : undefined;
      const rows = shown.map((state) => row(state, values.trunc, sizes?.get(state.id)));
      if (values.quiet) stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
      else stdout.write(formatListing(listing(values), rows, values.format));
      done(ExitCode.ok);
    });
  },
};

const asksForSize = ({ size, format }: ListValues) => size === true || /\.Size\b/.test(format ?? '');

const listing = ({ size }: ListValues): Listing =>
  size ? { ...LISTING, columns: [...LISTING.columns, 'Size'] } : LISTING;

function last_(text: string | undefined): number | undefined {
  return text === undefined || text === '-1' ? undefined : parseIntegerIn(text, '--last', 1, 1e9);
}

const asksForStatus = (conditions: readonly string[] = []) =>
  conditions.some((text) => /^(status|exited)=/.test(text));

const isAboutAnother = (condition: string) => /^(before|since)=/.test(condition);

type Filter = (state: ContainerState, value: string) => boolean;

const FILTERS: Readonly<Record<string, Filter>> = {
  ancestor: ({ image, imageId }, value) =>
    image === value || `${image}:latest` === value || imageId.replace('sha256:', '').startsWith(value),
  exited: ({ exitCode, status }, value) => status === 'exited' && String(exitCode ?? 0) === value,
  id: ({ id }, value) => id.startsWith(value),
  expose: (state, value) => portFilter(value)(Object.keys(exposedPorts(state) ?? {})),
  label: (state, value) => hasLabel(containerLabels(state), value),
  health: ({ health }, value) => (health?.status ?? 'none') === value,
  // A pattern, as for Docker; what is none is a part of the name.
  name: ({ name }, value) => matches(value, name),
  network: (state, value) =>
    networkNames(state).includes(value) ||
    (state.network?.endpoints ?? []).some(({ networkId }) => networkId.startsWith(value)),
  publish: ({ network }, value) =>
    portFilter(value)((network?.ports ?? []).map(({ hostPort, protocol }) => `${hostPort}/${protocol}`)),
  status: ({ status }, value) => status === value,
  volume: ({ mounts = [] }, value) => mounts.some(({ name, target }) => name === value || target === value),
};

/** Those that compare with another container too, which has to be among `all`. */
function filters(all: readonly ContainerState[]): Readonly<Record<string, Filter>> {
  const created = (text: string) => {
    const other = all.find(({ id, name }) => name === text || id.startsWith(text));
    if (other === undefined) throw new UsageError(`No such container: ${text}`);
    return other.created;
  };
  return {
    ...FILTERS,
    before: (state, value) => state.created < created(value),
    since: (state, value) => state.created > created(value),
  };
}

/** `80`, `80/tcp`, `8000-8080/udp`: whether one of the ports (`80/tcp`) is among them. */
function portFilter(text: string): (ports: readonly string[]) => boolean {
  const [, first, last = first, protocol = 'tcp'] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-z]+))?$/.exec(text) ?? [];
  if (first === undefined) throw new UsageError(`invalid filter '${text}': write PORT[-PORT][/PROTOCOL]`);
  return (ports) =>
    ports.some((port) => {
      const [number, name] = port.split('/');
      return Number(number) >= Number(first) && Number(number) <= Number(last) && name === protocol;
    });
}

function matches(pattern: string, name: string): boolean {
  try {
    const expression = new RegExp(pattern);
    return expression.test(name) || expression.test(`/${name}`);
  } catch {
    return name.includes(pattern);
  }
}

function row(
  state: ContainerState,
  truncate: boolean,
  size: ContainerSize | undefined,
): Row & { readonly ID: string } {
  const { id, image, created, name, status, mounts = [] } = state;
  const labels = containerLabels(state);
  const shorten = (text: string, length: number) =>
    truncate && text.length > length ? `${text.slice(0, length - 1)}…` : text;
  return {
    Command: JSON.stringify(shorten(commandText(state), 20)),
    CreatedAt: timestamp(created),
    ID: truncate ? id.slice(0, 12) : id,
    Image: image,
    Label: (key) => (Object.hasOwn(labels, key) ? labels[key]! : ''),
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
    Size: size ? `${humanSize(size.written)} (virtual ${humanSize(size.whole)})` : '0B',
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
