import { type ContainerState, listContainers, removeContainer } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { type Column, formatRows, humanDuration } from '../table.ts';
import type { CommandModule } from '../tsctr.ts';

interface Row {
  readonly ID: string;
  readonly Image: string;
  readonly Command: string;
  readonly CreatedAt: string;
  readonly RunningFor: string;
  readonly Status: string;
  readonly State: string;
  readonly Ports: string;
  readonly Names: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { heading: 'CONTAINER ID', field: 'ID' },
  { heading: 'IMAGE', field: 'Image' },
  { heading: 'COMMAND', field: 'Command' },
  { heading: 'CREATED', field: 'RunningFor' },
  { heading: 'STATUS', field: 'Status' },
  { heading: 'PORTS', field: 'Ports' },
  { heading: 'NAMES', field: 'Names' },
];

interface ListValues {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly format?: string;
  readonly trunc: boolean;
}

export const list: CommandModule = {
  declare(command, done) {
    command
      .description('List containers')
      .option('-a, --all', 'also those that have ended')
      .option('-q, --quiet', 'only show IDs')
      .option('--no-trunc', 'do not shorten the output')
      .option('--format <template>', 'a Go template, json, or table TEMPLATE')
      .action(async (values: ListValues) => {
        const rows = (await listContainers({ all: values.all === true })).map((state) =>
          row(state, values.trunc),
        );
        if (values.quiet) process.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
        else process.stdout.write(formatRows(COLUMNS, rows, values.format));
        done(ExitCode.ok);
      });
  },
};

function row(state: ContainerState, truncate: boolean): Row {
  const command = state.args.join(' ');
  const shown = truncate && command.length > 20 ? `${command.slice(0, 19)}…` : command;
  return {
    ID: truncate ? state.id.slice(0, 12) : state.id,
    Image: state.image,
    Command: `"${shown}"`,
    CreatedAt: state.created,
    RunningFor: `${ago(state.created)} ago`,
    Status: statusOf(state),
    State: state.status,
    Ports: '',
    Names: state.name,
  };
}

function statusOf({ status, startedAt, finishedAt, exitCode }: ContainerState): string {
  if (status === 'running') return `Up ${ago(startedAt)}`;
  if (status === 'created') return 'Created';
  return `Exited (${exitCode ?? 0}) ${ago(finishedAt)} ago`;
}

function ago(time: string | undefined): string {
  return humanDuration(Date.now() - Date.parse(time ?? ''));
}

export const remove: CommandModule = {
  declare(command, done) {
    command
      .description('Remove containers')
      .argument('<container...>')
      .option('-f, --force', 'end it first when it runs')
      .option('-v, --volumes', 'accepted for compatibility')
      .action(async (names: readonly string[], values: { readonly force?: boolean }) => {
        let status: number = ExitCode.ok;
        for (const name of names) {
          try {
            await removeContainer(name, { force: values.force === true });
            process.stdout.write(`${name}\n`);
          } catch (error) {
            const { code, message } = error as Error & { readonly code?: string };
            if (code === 'NOT_FOUND' && values.force) continue;
            if (code !== 'NOT_FOUND' && code !== 'CONFLICT') throw error;
            process.stderr.write(`Error: ${message}\n`);
            status = ExitCode.failure;
          }
        }
        done(status);
      });
  },
};
