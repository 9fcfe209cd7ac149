<<<<<<< HEAD
import type { Command } from 'commander';
import {
  checkStore,
  type PruneRequest,
  pruneNetworks,
  prune as pruneStore,
  pruneVolumes as pruneStoreVolumes,
  type StoreInfo,
  info as storeInfo,
  VERSION,
} from '../../index.ts';
=======
import { checkStore, type StoreInfo, info as storeInfo, VERSION } from '../../index.ts';
>>>>>>> f571d34 (Give volumes options, parts and heirs; tell what everything takes on disk, and prune by conditions)
import { ExitCode } from '../exit-status.ts';
import { humanBytes } from '../format/size.ts';
import { renderTemplate } from '../format/template/render.ts';
import type { CommandModule } from '../tsctr.ts';
<<<<<<< HEAD
import { UsageError } from '../usage-error.ts';
import { confirmed } from './confirm.ts';

interface PruneValues {
  readonly all?: boolean;
  readonly force?: boolean;
  readonly filter?: string;
  readonly volumes?: boolean;
}

interface PruneKind {
  /** What will be gone, as it is announced. */
  readonly warning: (values: PruneValues) => string;
  readonly request: (values: PruneValues) => PruneRequest;
  /** Everything goes: networks too, and with `--volumes` volumes. */
  readonly system?: boolean;
}

const pruning = ({ warning, request, system }: PruneKind): CommandModule => ({
  declare(command: Command, done) {
    command
      .option('-a, --all', 'also what is named but unused')
      .option('-f, --force', 'do not ask')
      .option('--filter <condition>', 'until=DURATION: only the build cache that was not used since');
    if (system) command.option('--volumes', 'anonymous volumes that no container uses too');
    command.action(async (values: PruneValues) => {
      if (!values.force && !(await confirmed(warning(values)))) return done(ExitCode.ok);
      const gone = values.volumes ? await pruneStoreVolumes() : [];
      const { containers, images, cache, reclaimed } = await pruneStore(request(values));
      report('Deleted Containers', containers);
      report('Deleted Volumes', gone);
      if (system) report('Deleted Networks', await pruneNetworks());
      report(
        'Deleted Images',
        images.map((id) => `deleted: ${id}`),
      );
      report('Deleted build cache objects', cache);
      process.stdout.write(`Total reclaimed space: ${humanSize(reclaimed)}\n`);
      done(ExitCode.ok);
    });
  },
});

function report(title: string, lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${title}:\n${lines.map((line) => `${line}\n`).join('')}\n`);
}

/** `until=24h`, in milliseconds; all of it unless told. */
function unusedFor({ filter }: PruneValues): number {
  if (filter === undefined) return 0;
  const [, amount, unit] = /^until=(\d{1,6})(s|m|h|d)?$/.exec(filter) ?? [];
  if (amount === undefined)
    throw new UsageError(`invalid filter '${filter}': write until=DURATION, as in until=24h`);
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[unit ?? 's'] ?? 1;
  return Number(amount) * seconds * 1000;
}

const imagesOf = ({ all }: PruneValues): PruneRequest['images'] & {} => (all ? 'all' : 'dangling');

export const prune = pruning({
  system: true,
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
  request: (values) => ({ containers: true, images: imagesOf(values), cacheUnusedFor: unusedFor(values) }),
});

export const pruneImages = pruning({
  warning: ({ all }) =>
    all ? 'all images without at least one container associated to them.' : 'all dangling images.',
  request: (values) => ({ images: imagesOf(values) }),
});

export const pruneContainers = pruning({
  warning: () => 'all stopped containers.',
  request: () => ({ containers: true }),
});

export const pruneBuilder = pruning({
  warning: () => 'all build cache.',
  request: (values) => ({ cacheUnusedFor: unusedFor(values) }),
});

export const pruneVolumes: CommandModule = {
  declare(command, done) {
    command
      .option('-a, --all', 'also those that have a name')
      .option('-f, --force', 'do not ask')
      .option('--filter <condition>', 'accepted for compatibility')
      .action(async (values: PruneValues) => {
        const kind = values.all ? 'all' : 'anonymous';
        const warning = `${kind} local volumes not used by at least one container.`;
        if (values.force || (await confirmed(warning)))
          report('Deleted Volumes', await pruneStoreVolumes({ all: values.all === true }));
        done(ExitCode.ok);
      });
  },
};
=======
>>>>>>> f571d34 (Give volumes options, parts and heirs; tell what everything takes on disk, and prune by conditions)

export const check: CommandModule = {
  declare(command, done) {
    command.action(async () => {
      const problems = await checkStore();
      for (const { subject, message } of problems) process.stdout.write(`${subject}: ${message}\n`);
      const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
      process.stdout.write(problems.length === 0 ? 'The store is clean\n' : `${count}\n`);
      done(problems.length === 0 ? ExitCode.ok : ExitCode.failure);
    });
  },
};

interface FormatValues {
  readonly format?: string;
}

export const info: CommandModule = {
  declare(command, done) {
    command
      .option('-f, --format <template>', 'a Go template, or json')
      .action(async ({ format }: FormatValues) => {
        const found = await storeInfo();
        process.stdout.write(`${format === undefined ? infoText(found) : formatObject(format, found)}\n`);
        done(ExitCode.ok);
      });
  },
};

function formatObject(format: string, found: object): string {
  return format === 'json' ? JSON.stringify(found) : renderTemplate(format, found);
}

function infoText(found: StoreInfo): string {
  const fields = [
    ['Containers', found.Containers],
    [' Running', found.ContainersRunning],
    [' Paused', found.ContainersPaused],
    [' Stopped', found.ContainersStopped],
    ['Images', found.Images],
    ['Server Version', found.ServerVersion],
    ['Storage Driver', found.Driver],
    ['Cgroup Driver', found.CgroupDriver],
    ['Cgroup Version', found.CgroupVersion],
    ['Default Runtime', found.DefaultRuntime],
    ['Security Options', 'seccomp'],
    ['Kernel Version', found.KernelVersion],
    ['Operating System', found.OperatingSystem],
    ['OSType', found.OSType],
    ['Architecture', found.Architecture],
    ['CPUs', found.NCPU],
    ['Total Memory', humanBytes(found.MemTotal)],
    ['Name', found.Name],
    ['Docker Root Dir', found.DockerRootDir],
  ];
  return `Client:\n Version: ${VERSION}\n\nServer:\n${fields.map(([name, value]) => ` ${name}: ${value}`).join('\n')}`;
}

/** Of Docker's API as clients ask for it: what of it is here is of this version. */
const API_VERSION = '1.51';

export const version: CommandModule = {
  declare(command, done) {
    command.option('-f, --format <template>', 'a Go template, or json').action(({ format }: FormatValues) => {
      const found = versions();
      process.stdout.write(`${format === undefined ? versionText(found) : formatObject(format, found)}\n`);
      done(ExitCode.ok);
    });
  },
};

/** There is no daemon: client and server are the same program. */
function versions() {
  const common = {
    Version: VERSION,
    ApiVersion: API_VERSION,
    NodeVersion: process.version,
    Os: 'linux',
    Arch: process.arch === 'x64' ? 'amd64' : process.arch,
  };
  return {
    Client: { ...common, DefaultAPIVersion: API_VERSION, Context: 'default' },
    Server: { Platform: { Name: 'tsbuild' }, ...common, MinAPIVersion: API_VERSION },
  };
}

function versionText({ Client, Server }: ReturnType<typeof versions>): string {
  const lines = (
    { Version, ApiVersion, NodeVersion, Os, Arch }: typeof Client | typeof Server,
    indent: string,
  ) =>
    [
      ['Version:', Version],
      ['API version:', ApiVersion],
      ['Node version:', NodeVersion],
      ['OS/Arch:', `${Os}/${Arch}`],
    ].map(([name, value]) => `${indent}${name!.padEnd(19 - indent.length)}${value}`);
  return ['Client:', ...lines(Client, ' '), '', 'Server:', ' Engine:', ...lines(Server, '  ')].join('\n');
}

/** `tsctr --version`. */
export const shortVersion: CommandModule = {
  declare(command, done) {
    command.action(() => {
      process.stdout.write(`tsctr version ${VERSION}\n`);
      done(ExitCode.ok);
    });
  },
};
