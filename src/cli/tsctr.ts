import { Command } from 'commander';
import { didYouMean, suggest } from '../text/suggest.ts';
import { normaliseArguments } from './arguments.ts';
import { COMMANDS, type Entry, GROUPS, type Group } from './command-table.ts';
import { describeBuildError } from './describe-build-error.ts';
import { ExitCode } from './exit-status.ts';
import { endQuietlyWithoutReader, runMain, withMessages } from './main.ts';
import { stdout } from './output.ts';
import { UsageError } from './usage-error.ts';

/** Declares options and arguments of one command on `command`, and what it does: its action calls `done` with the exit status. */
export interface CommandModule {
  readonly declare: (command: Command, done: (status: number) => void) => void;
  /** Options end at the first operand, since what follows is a command of its own. */
  readonly passThrough?: boolean;
}

const args = unnested(withoutGlobalOptions(process.argv.slice(2)));
const isRun = args[0] === 'run' || (args[0] === 'container' && args[1] === 'run');
// As for docker: whatever goes wrong in `run` before the command itself is 125.
void runMain('tsctr', tsctr, {
  failure: isRun ? ExitCode.tool : ExitCode.failure,
  describeBuild: describeBuildError,
});

async function tsctr(): Promise<number> {
  const [first, second] = args;
  if (first === undefined || isHelp(first)) return help(args.slice(1));
  if (first === '--version' || first === '-v')
    return execute('version', GROUPS.buildx!.commands.version!, []);
  const group = own(GROUPS, first);
  if (group === undefined) return execute(first, find(first), args.slice(1));
  if (second === undefined || isHelp(second)) return print(groupOverview(first, group));
  return execute(`${first} ${second}`, findIn(first, group, second), args.slice(2));
}

/** Those of docker that say which daemon to talk to mean nothing here; `--config` names the folder of logins. */
function withoutGlobalOptions(argv: readonly string[]): readonly string[] {
  const [option = '', ...rest] = argv;
  const [name = '', value] = option.split(/=(.*)/s);
  if (/^(-D|--debug|--tls|--tlsverify)$/.test(name)) return withoutGlobalOptions(rest);
  if (!/^(-H|--host|-c|--context|-l|--log-level|--config|--tls(cacert|cert|key))$/.test(name)) return argv;
  if (name === '--config') process.env.DOCKER_CONFIG = value ?? rest[0];
  return withoutGlobalOptions(value === undefined ? rest.slice(1) : rest);
}

/** `buildx imagetools` is a group within a group, and here one by itself. */
function unnested(argv: readonly string[]): readonly string[] {
  return argv[0] === 'buildx' && argv[1] === 'imagetools' ? argv.slice(1) : argv;
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h' || word === 'help';
}

/** `tsctr help [COMMAND]`. */
async function help([first, second]: readonly string[]): Promise<number> {
  if (first === undefined) return print(overview());
  const group = own(GROUPS, first);
  if (group === undefined) return execute(first, find(first), ['--help']);
  if (second === undefined) return print(groupOverview(first, group));
  return execute(`${first} ${second}`, findIn(first, group, second), ['--help']);
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function find(name: string): Entry {
  const entry = own(COMMANDS, name);
  if (entry !== undefined) return entry;
  const meant = suggest(name, [...Object.keys(COMMANDS), ...Object.keys(GROUPS)]);
  throw new UsageError(`unknown command: ${name}${didYouMean(meant)}`);
}

function findIn(groupName: string, { commands, aliases = {} }: Group, name: string): Entry {
  const entry = own(commands, own(aliases, name) ?? name);
  if (entry !== undefined) return entry;
  const meant = suggest(name, Object.keys(commands));
  throw new UsageError(
    `unknown command: ${groupName} ${name}${didYouMean(meant && `${groupName} ${meant}`)}`,
  );
}

async function execute(name: string, { about, load }: Entry, argv: readonly string[]): Promise<number> {
  const { declare, passThrough = false } = await load();
  let status: number = ExitCode.ok;
  const command = withMessages(new Command(`tsctr ${name}`)).description(about);
  declare(command, (result) => {
    status = result;
  });
  if (!passThrough) endQuietlyWithoutReader();
  await command.parseAsync(normaliseArguments(argv, command, { passThrough }), { from: 'user' });
  return status;
}

function print(text: string): number {
  stdout.write(text);
  return ExitCode.ok;
}

function overview(): string {
  return `Usage:  tsctr COMMAND

Images and containers without a daemon

Commands:
${list(COMMANDS)}
Management commands:
${list(GROUPS)}
Run 'tsctr COMMAND --help' for more information on a command.
`;
}

function groupOverview(name: string, { about, commands }: Group): string {
  return `Usage:  tsctr ${name} COMMAND

${about}

Commands:
${list(commands)}
Run 'tsctr ${name} COMMAND --help' for more information on a command.
`;
}

function list(entries: Readonly<Record<string, { readonly about: string }>>): string {
  return Object.entries(entries)
    .map(([name, { about }]) => `  ${name.padEnd(11)} ${about}\n`)
    .join('');
}
