import {
  connectNetwork,
  createNetwork,
  disconnectNetwork,
  isPredefined,
  listNetworks,
  type NetworkRecord,
  pruneNetworks,
  removeNetwork,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { formatListing, type Listing, type Row } from '../format/listing.ts';
import { given, listOption } from '../option-values.ts';
import { stdout } from '../output.ts';
import { parseIpv4, parseIpv6 } from '../run/network-options.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';
import { parseKeyValue } from '../values.ts';
import { confirmed } from './confirm.ts';
import { filterBy, hasLabel } from './filter.ts';
import { forEachName } from './for-each-name.ts';

const LISTING: Listing = {
  columns: ['ID', 'Name', 'Driver', 'Scope'],
  headings: {
    CreatedAt: 'CREATED AT',
    Driver: 'DRIVER',
    ID: 'NETWORK ID',
    IPv4: 'IPV4',
    IPv6: 'IPV6',
    Internal: 'INTERNAL',
    Labels: 'LABELS',
    Name: 'NAME',
    Scope: 'SCOPE',
  },
};

interface ListValues {
  readonly quiet?: boolean;
  readonly trunc: boolean;
  readonly format?: string;
  readonly filter?: readonly string[];
}

export const list: CommandModule = {
  declare(command, done) {
    command
      .option('-q, --quiet', 'only show ids')
      .option('--no-trunc', 'show whole ids')
      .option('--format <template>', 'a Go template, json, table, or table TEMPLATE');
    listOption(command, '-f, --filter <condition>', 'name, id, driver, label, scope, type, dangling');
    command.action(async (values: ListValues) => {
      const networks = (await listNetworks()).filter(filterBy(values.filter ?? [], FILTERS));
      const rows = networks.map((network) => row(network, values.trunc));
      if (values.quiet) stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
      else stdout.write(formatListing(LISTING, rows, values.format));
      done(ExitCode.ok);
    });
  },
};

type Listed = NetworkRecord & { readonly inUse?: boolean };

const FILTERS: Readonly<Record<string, (network: Listed, value: string) => boolean>> = {
  name: ({ name }, value) => name.includes(value),
  id: ({ id }, value) => id.startsWith(value),
  driver: ({ driver }, value) => driver === value,
  label: ({ labels }, value) => hasLabel(labels, value),
  scope: (_, value) => value === 'local',
  type: ({ name }, value) => isPredefined(name) === (value === 'builtin'),
  dangling: ({ name, inUse }, value) => (!isPredefined(name) && !inUse) === /^(1|t|true)$/i.test(value),
};

function row({ id, name, driver, labels, internal, ipv6, created }: NetworkRecord, truncate: boolean): Row {
  return {
    CreatedAt: created,
    Driver: driver,
    ID: truncate ? id.slice(0, 12) : id,
    IPv4: 'true',
    IPv6: String(ipv6),
    Internal: String(internal),
    Label: (key) => (Object.hasOwn(labels, key) ? labels[key]! : ''),
    Labels: Object.entries(labels)
      .map((pair) => pair.join('='))
      .join(','),
    Name: name,
    Scope: 'local',
  };
}

interface CreateValues {
  readonly driver: string;
  readonly internal?: boolean;
  readonly ipv6?: boolean;
  readonly subnet?: readonly string[];
  readonly gateway?: readonly string[];
  readonly ipRange?: readonly string[];
  readonly label?: readonly string[];
  readonly opt?: readonly string[];
}

export const create: CommandModule = {
  declare(command, done) {
    command
      .argument('<network>')
      .option('-d, --driver <name>', 'bridge', 'bridge')
      .option('--internal', 'nothing gets in or out')
      .option('--ipv6', 'IPv6 addresses too')
      .option('--attachable', 'accepted for compatibility')
      .option('--ipam-driver <name>', 'accepted for compatibility')
      .option('--scope <scope>', 'accepted for compatibility');
    listOption(command, '--subnet <address/bits>', 'one that is free unless told');
    listOption(command, '--gateway <address>', 'of a subnet; its first address unless told');
    listOption(command, '--ip-range <address/bits>', 'take addresses of containers only from there');
    listOption(command, '--label <key=value>', 'set metadata');
    listOption(
      command,
      '-o, --opt <key=value>',
      'com.docker.network.bridge.name, com.docker.network.driver.mtu',
    );
    command.action(async (name: string, values: CreateValues) => {
      if (values.driver !== 'bridge') throw new UsageError(`plugin "${values.driver}" not found`);
      const { subnet, gateway, ipRange, internal, ipv6 } = values;
      const network = await createNetwork({
        name,
        labels: Object.fromEntries((values.label ?? []).map(parseKeyValue)),
        options: Object.fromEntries((values.opt ?? []).map(parseKeyValue)),
        ...given({ subnets: subnet, gateways: gateway, ranges: ipRange, internal, ipv6 }),
      });
      stdout.write(`${network.id}\n`);
      done(ExitCode.ok);
    });
  },
};

export const remove: CommandModule = {
  declare(command, done) {
    command
      .argument('<network...>')
      .option('-f, --force', 'it need not be there')
      .action(async (names: readonly string[], values: { readonly force?: boolean }) =>
        done(
          await forEachName(names, async (name) => {
            try {
              await removeNetwork(name);
            } catch (error) {
              if (!values.force || (error as { readonly code?: string }).code !== 'NOT_FOUND') throw error;
              return;
            }
            stdout.write(`${name}\n`);
          }),
        ),
      );
  },
};

export const prune: CommandModule = {
  declare(command, done) {
    command.option('-f, --force', 'do not ask');
    listOption(command, '--filter <condition>', 'label');
    command.action(async (values: { readonly force?: boolean; readonly filter?: readonly string[] }) => {
      if (values.force || (await confirmed('all custom networks not used by at least one container.'))) {
        const filter = filterBy(values.filter ?? [], { label: FILTERS.label! });
        const names = await pruneNetworks({ filter });
        if (names.length > 0) stdout.write(`Deleted Networks:\n${names.join('\n')}\n\n`);
      }
      done(ExitCode.ok);
    });
  },
};

interface ConnectValues {
  readonly alias?: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
}

export const connect: CommandModule = {
  declare(command, done) {
    command
      .argument('<network>')
      .argument('<container>')
      .option('--ip <address>', 'IPv4 address there')
      .option('--ip6 <address>', 'IPv6 address there');
    listOption(command, '--alias <name>', 'a further name there');
    command.action(async (network: string, container: string, { alias, ip, ip6 }: ConnectValues) => {
      await connectNetwork(network, container, {
        ...(alias && { aliases: alias }),
        ...(ip !== undefined && { ipv4: parseIpv4(ip, '--ip') }),
        ...(ip6 !== undefined && { ipv6: parseIpv6(ip6, '--ip6') }),
      });
      done(ExitCode.ok);
    });
  },
};

export const disconnect: CommandModule = {
  declare(command, done) {
    command
      .argument('<network>')
      .argument('<container>')
      .option('-f, --force', 'accepted for compatibility')
      .action(async (network: string, container: string) => {
        await disconnectNetwork(network, container);
        done(ExitCode.ok);
      });
  },
};
