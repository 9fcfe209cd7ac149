import type { Command } from 'commander';
import { type ExecRequest, exec as execute } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { given, listOption, OptionValues } from '../option-values.ts';
import { connectTerminal, feed, pump, terminalSize } from '../own-terminal.ts';
import { environmentOptions } from '../run/request.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

export const exec: CommandModule = {
  passThrough: true,
  declare(command, done) {
    declareExec(command).action(async (container: string, args: readonly string[]) =>
      done(await execParsed(new OptionValues(command.opts()), container, args)),
    );
  },
};

function declareExec(command: Command): Command {
  command
    .usage('[OPTIONS] CONTAINER COMMAND [ARG...]')
    .argument('<container>', 'id or name of a running container')
    .argument('<command...>', 'command and arguments')
    .option('-d, --detach', 'run it in the background')
    .option('--detach-keys <keys>', 'accepted for compatibility: the command ends with its terminal')
    .option('-i, --interactive', 'keep standard input open')
    .option('--privileged', 'give the command all capabilities')
    .option('-t, --tty', 'allocate a pseudo-terminal')
    .option('-u, --user <user>', 'name or id, with optional :group')
    .option('-w, --workdir <dir>', 'working directory');
  listOption(command, '-e, --env <NAME=value>', 'set a variable; a bare NAME takes your own value');
  listOption(command, '--env-file <file>', 'read variables from a file');
  return command.passThroughOptions();
}

async function execParsed(values: OptionValues, container: string, args: readonly string[]): Promise<number> {
  const interactive = values.flag('interactive');
  const request: ExecRequest = {
    container,
    args,
    env: environmentOptions(values),
    privileged: values.flag('privileged'),
    ...given({ user: values.one('user'), workdir: values.one('workdir') }),
  };
  if (values.flag('detach')) return startDetached(request);
  return values.flag('tty') ? onTerminal(request, interactive) : onStreams(request, interactive);
}

/** Nothing but the container holds it from now on, so this process ends rather than wait for its end. */
async function startDetached(request: ExecRequest): Promise<number> {
  await execute({ ...request, detach: true }, { kind: 'inherit', stdin: false });
  process.exit(ExitCode.ok);
}

async function onStreams(request: ExecRequest, interactive: boolean): Promise<number> {
  const { stdin, stdout, stderr, wait } = await execute(request, { kind: 'inherit', stdin: interactive });
  if (stdin) feed(stdin);
  if (stdout) pump(stdout, process.stdout);
  if (stderr) pump(stderr, process.stderr);
  try {
    return (await wait()).code;
  } finally {
    if (stdin) process.stdin.destroy();
  }
}

async function onTerminal(request: ExecRequest, interactive: boolean): Promise<number> {
  if (interactive && !process.stdin.isTTY)
    throw new UsageError('the input device is not a TTY: leave out -t, or start from a terminal');
  const started = await execute(request, { kind: 'terminal', ...terminalSize() });
  const release = connectTerminal(started, { keyboard: interactive });
  // A signal that ends this process must not leave its terminal without echo.
  const hangUp = () => started.terminal?.destroy();
  for (const name of ENDING) process.on(name, hangUp);
  try {
    return (await started.wait()).code;
  } finally {
    for (const name of ENDING) process.off(name, hangUp);
    release();
  }
}

const ENDING = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
