import { checkStore, type StoreInfo, info as storeInfo, VERSION } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { humanBytes } from '../format/size.ts';
import { renderTemplate } from '../format/template/render.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';

export const check: CommandModule = {
  declare(command, done) {
    command.action(async () => {
      const problems = await checkStore();
      for (const { subject, message } of problems) stdout.write(`${subject}: ${message}\n`);
      const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
      stdout.write(problems.length === 0 ? 'The store is clean\n' : `${count}\n`);
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
        stdout.write(`${format === undefined ? infoText(found) : formatObject(format, found)}\n`);
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
      stdout.write(`${format === undefined ? versionText(found) : formatObject(format, found)}\n`);
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
      stdout.write(`tsctr version ${VERSION}\n`);
      done(ExitCode.ok);
    });
  },
};
