import { Option } from 'commander';
import {
  type ContainerProcess,
  containerProcesses,
  pauseContainer,
  renameContainer,
  unpauseContainer,
  updateContainer,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { alignColumns } from '../format/table.ts';
import { OptionValues } from '../option-values.ts';
import { stdout } from '../output.ts';
import { parseRestartPolicy } from '../run/life.ts';
import { limitsHere, parseResources } from '../run/resources.ts';
import { refuseUnsupported } from '../run/unsupported.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';
import { forEachName } from './for-each-name.ts';

export const pause = naming(pauseContainer);
export const unpause = naming(unpauseContainer);

/** Does something to each container, and says its name. */
function naming(act: (name: string) => Promise<void>): CommandModule {
  return {
    declare(command, done) {
      command.argument('<container...>').action(async (names: readonly string[]) =>
        done(
          await forEachName(names, async (name) => {
            await act(name);
            stdout.write(`${name}\n`);
          }),
        ),
      );
    },
  };
}

export const rename: CommandModule = {
  declare(command, done) {
    command
      .argument('<container>')
      .argument('<name>')
      .action(async (container: string, name: string) => {
        await renameContainer(container, name);
        done(ExitCode.ok);
      });
  },
};

export const update: CommandModule = {
  declare(command, done) {
    command
      .argument('<container...>')
      .option('-m, --memory <bytes>', 'memory')
      .option('--memory-swap <bytes>', 'memory and swap together, -1 for unlimited swap')
      .option('--memory-reservation <bytes>', 'soft memory limit')
      .option('--cpus <number>', 'number of CPUs')
      .option('-c, --cpu-shares <weight>', 'relative CPU weight')
      .option('--cpu-period <us>', 'CFS period in microseconds')
      .option('--cpu-quota <us>', 'CFS quota in microseconds')
      .option('--cpuset-cpus <list>', 'CPUs to run on (0-3, 0,1)')
      .option('--cpuset-mems <list>', 'memory nodes to use')
      .option('--pids-limit <number>', 'number of processes, -1 for unlimited')
      .option('--blkio-weight <weight>', 'relative block IO weight, 10 to 1000')
      .option('--restart <policy>', 'no, on-failure[:times], always or unless-stopped')
      .addOption(new Option('--cpu-rt-period <us>').hideHelp())
      .addOption(new Option('--cpu-rt-runtime <us>').hideHelp())
      .action(async (names: readonly string[], raw) => {
        const values = new OptionValues(raw);
        refuseUnsupported(values);
        const wanted = parseResources(values);
        const restart = values.parsed('restart', '--restart', parseRestartPolicy);
        if (wanted === undefined && restart === undefined)
          throw new UsageError('you must provide one or more flags when using this command');
        const resources = limitsHere(wanted);
        done(
          await forEachName(names, async (name) => {
            await updateContainer(name, { ...(resources && { resources }), ...(restart && { restart }) });
            stdout.write(`${name}\n`);
          }),
        );
      });
  },
};

export const top: CommandModule = {
  passThrough: true,
  declare(command, done) {
    command
      .usage('CONTAINER [ps OPTIONS]')
      .argument('<container>')
      .argument('[options...]', 'of ps(1): which columns to show')
      .allowUnknownOption()
      .passThroughOptions()
      .action(async (name: string, options: readonly string[]) => {
        const processes = await containerProcesses(name);
        stdout.write(
          options.length === 0 || options.join(' ') === '-ef'
            ? await fullListing(processes)
            : await listingOfPs(processes, options),
        );
        done(ExitCode.ok);
      });
  },
};

/** The columns of `ps -ef`. */
async function fullListing(processes: readonly ContainerProcess[]): Promise<string> {
  const { userNames } = await import('../format/user-names.ts');
  const names = userNames();
  const rows = processes.map(({ uid, pid, parent, started, terminal, time, command }) => [
    names.get(uid) ?? String(uid),
    String(pid),
    String(parent),
    '0',
    clock(started),
    terminal,
    duration(time),
    command,
  ]);
  return alignColumns([['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'], ...rows]);
}

/** What ps(1) of this system says of them: the rows whose PID column names one. */
async function listingOfPs(
  processes: readonly ContainerProcess[],
  options: readonly string[],
): Promise<string> {
  const { spawnSync } = await import('node:child_process');
  const { stdout, stderr, status, error } = spawnSync('ps', options, { encoding: 'utf8' });
  if (error) throw new UsageError(`ps cannot be run here: ${error.message}`);
  if (status !== 0) throw new UsageError(`ps: ${stderr.trim()}`);
  const [heading = '', ...lines] = stdout.split('\n').filter(Boolean);
  const column = heading.trim().split(/\s+/).indexOf('PID');
  if (column < 0) throw new UsageError("couldn't find PID field in ps output");
  const pids = new Set(processes.map(({ pid }) => String(pid)));
  const theirs = lines.filter((line) => pids.has(line.trim().split(/\s+/)[column]!));
  return [heading, ...theirs].map((line) => `${line}\n`).join('');
}

function clock(time: number): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}

function duration(seconds: number): string {
  const parts = [seconds / 3600, (seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(Math.floor(part)).padStart(2, '0')).join(':');
}
