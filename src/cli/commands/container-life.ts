import { Option } from 'commander';
import {
  type Attached,
  attach,
  containersToStart,
  createContainer,
  killContainer,
  removeContainer,
  restartContainer,
  startContainer,
  stopContainer,
  waitForContainer,
} from '../../index.ts';
import { type AttachedOptions, follow } from '../attached.ts';
import { ExitCode } from '../exit-status.ts';
import { OptionValues } from '../option-values.ts';
import { stdout } from '../output.ts';
import { declareRunOptions } from '../run/options.ts';
import { runRequest } from '../run/request.ts';
import { withLimitsHere } from '../run/resources.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';
import { parseIntegerIn } from '../values.ts';
import { forEachName } from './for-each-name.ts';

export const create: CommandModule = {
  passThrough: true,
  declare(command, done) {
    declareRunOptions(command)
      .usage('[OPTIONS] IMAGE [COMMAND] [ARG...]')
      .argument('<image>', 'name, digest or id of an image')
      .argument('[command...]', 'command and arguments, in place of those of the image')
      .helpOption('--help', 'show this')
      .passThroughOptions()
      .action(async () => {
        const values = new OptionValues(command.opts());
        const [image = '', ...args] = command.args;
        const terminal = values.flag('tty') ? { terminal: { rows: 24, columns: 80 } } : {};
        const request = withLimitsHere(runRequest(values.raw, image, args));
        const { id } = await createContainer({ ...request, ...terminal });
        stdout.write(`${id}\n`);
        done(ExitCode.ok);
      });
  },
};

export const start: CommandModule = {
  declare(command, done) {
    command
      .argument('[container...]')
      .option('-a, --attach', 'show its output, pass signals on, and end with its exit code')
      .option('-i, --interactive', 'pass standard input on')
      .option('--detach-keys <keys>', 'keys that leave the container alone (ctrl-p,ctrl-q)')
      .option(
        '--restart-policy',
        'start all that their policies want running: after a restart of the machine',
      )
      .action(async (names: readonly string[], values: StartValues) =>
        done(await startAsAsked(names, values)),
      );
  },
};

interface StartValues {
  readonly attach?: boolean;
  readonly interactive?: boolean;
  readonly detachKeys?: string;
  readonly restartPolicy?: boolean;
}

async function startAsAsked(names: readonly string[], values: StartValues): Promise<number> {
  const attaches = values.attach === true || values.interactive === true;
  if (values.restartPolicy) {
    if (names.length > 0 || attaches) throw new UsageError('--restart-policy goes with nothing else');
    return startByPolicy();
  }
  if (names.length === 0) throw new UsageError('name a container');
  if (!attaches)
    return forEachName(names, async (name) => {
      await startContainer(name);
      stdout.write(`${name}\n`);
    });
  const [name = '', ...others] = names;
  if (others.length > 0) throw new UsageError('you cannot start and attach multiple containers at once');
  return startAttached(name, values);
}

/** Attached before it starts: nothing of its output is missed. */
async function startAttached(name: string, values: StartValues): Promise<number> {
  let ended: Promise<number> | undefined;
  const { id } = await startContainer(name, {
    beforeStart: async (container) => {
      ended = follow(await attachAs(container.id, values), following(values));
      ended.catch(() => {}); // told below
    },
  });
  return ended ?? follow(await attachAs(id, values), following(values));
}

function attachAs(
  id: string,
  { attach: output = false, interactive = false }: StartValues,
): Promise<Attached> {
  return attach(id, { stdin: interactive, stdout: output, stderr: output });
}

function following({ interactive = false, detachKeys }: StartValues): AttachedOptions {
  return { interactive, signalProxy: true, detachKeys };
}

async function startByPolicy(): Promise<number> {
  let status: number = ExitCode.ok;
  for (const { id } of await containersToStart()) {
    const failed = await forEachName([id], async () => {
      const { name } = await startContainer(id);
      stdout.write(`${name}\n`);
    });
    if (failed !== ExitCode.ok) status = failed;
  }
  return status;
}

export const wait: CommandModule = {
  declare(command, done) {
    command.argument('<container...>').action(async (names: readonly string[]) =>
      done(
        await forEachName(names, async (name) => {
          stdout.write(`${await waitForContainer(name)}\n`);
        }),
      ),
    );
  },
};

interface RemoveValues {
  readonly force?: boolean;
  readonly volumes?: boolean;
}

export const remove: CommandModule = {
  declare(command, done) {
    command
      .argument('<container...>')
      .option('-f, --force', 'end it first when it runs')
      .option('-v, --volumes', 'remove its anonymous volumes too')
      .action(async (names: readonly string[], values: RemoveValues) =>
        done(
          await forEachName(names, async (name) => {
            const { force = false, volumes = false } = values;
            await removeContainer(name, { force, volumes }).then(
              () => stdout.write(`${name}\n`),
              (error: Error & { readonly code?: string }) => {
                // As for Docker: what is to be gone in any case and is not there is told, and no failure.
                if (!force || error.code !== 'NOT_FOUND') throw error;
                process.stderr.write(`Error: ${error.message}\n`);
              },
            );
          }),
        ),
      );
  },
};

interface StopValues {
  readonly signal?: string;
  readonly timeout?: string;
  /** What Docker called it before. */
  readonly time?: string;
}

export const stop = stopping(stopContainer);
export const restart = stopping(restartContainer);

function stopping(act: typeof stopContainer): CommandModule {
  return {
    declare(command, done) {
      command
        .argument('<container...>')
        .option('-s, --signal <signal>', 'signal to send first')
        .option('-t, --timeout <seconds>', 'how long to wait until it is killed (default 10)')
        .addOption(new Option('--time <seconds>').hideHelp())
        .action(async (names: readonly string[], values: StopValues) => {
          const seconds = values.timeout ?? values.time;
          const timeout = seconds === undefined ? undefined : parseIntegerIn(seconds, '--timeout', -1, 1e6);
          done(
            await forEachName(names, async (name) => {
              await act(name, {
                ...(values.signal !== undefined && { signal: values.signal }),
                ...(timeout !== undefined && {
                  timeoutMs: timeout < 0 ? Number.POSITIVE_INFINITY : timeout * 1000,
                }),
              });
              stdout.write(`${name}\n`);
            }),
          );
        });
    },
  };
}

export const kill: CommandModule = {
  declare(command, done) {
    command
      .argument('<container...>')
      .option('-s, --signal <signal>', 'signal to send', 'KILL')
      .action(async (names: readonly string[], values: { readonly signal: string }) =>
        done(
          await forEachName(names, async (name) => {
            await killContainer(name, { signal: values.signal });
            stdout.write(`${name}\n`);
          }),
        ),
      );
  },
};
