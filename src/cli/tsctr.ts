import { Command } from 'commander';
import { normaliseArguments } from './arguments.ts';
import { ExitCode } from './exit-status.ts';
import { endQuietlyWithoutReader, runMain, withMessages } from './main.ts';
import { UsageError } from './usage-error.ts';

/** Declares options and arguments of one command on `command`, and what it does: its action resolves with the exit status. */
export interface CommandModule {
  readonly declare: (command: Command, done: (status: number) => void) => void;
  /** Options end at the first operand, since what follows is a command of its own. */
  readonly passThrough?: boolean;
}

interface Entry {
  readonly about: string;
  /** Only the module of the command that runs is loaded. */
  readonly load: () => Promise<CommandModule>;
}

const images = () => import('./commands/images.ts');
const archives = () => import('./commands/archives.ts');
const containers = () => import('./commands/containers.ts');
const system = () => import('./commands/system.ts');

const COMMANDS: Readonly<Record<string, Entry>> = {
  build: {
    about: 'Build an image from a Dockerfile',
    load: async () => (await import('./commands/build.ts')).build,
  },
  run: {
    about: 'Run a command in a new container',
    load: async () => (await import('./commands/run.ts')).run,
  },
  ps: { about: 'List containers', load: async () => (await containers()).list },
  rm: { about: 'Remove containers', load: async () => (await containers()).remove },
  images: { about: 'List images', load: async () => (await images()).list },
  inspect: { about: 'Show an image or container as JSON', load: async () => (await images()).inspect },
  history: { about: 'Show the history of an image', load: async () => (await images()).history },
  tag: { about: 'Give an image another name', load: async () => (await images()).tag },
  rmi: { about: 'Remove images', load: async () => (await images()).remove },
  pull: { about: 'Download an image', load: async () => (await images()).pull },
  push: { about: 'Upload an image', load: async () => (await images()).push },
  load: { about: 'Load images from an archive', load: async () => (await archives()).load },
  save: { about: 'Save images to an archive', load: async () => (await archives()).save },
  import: {
    about: 'Make an image of a root filesystem archive',
    load: async () => (await archives()).importRoot,
  },
  prune: { about: 'Remove what is not needed any more', load: async () => (await system()).prune },
  check: {
    about: 'Verify every blob, layer and name in the store',
    load: async () => (await system()).check,
  },
  info: { about: 'Show information about the store and the host', load: async () => (await system()).info },
  version: { about: 'Show the version', load: async () => (await system()).version },
};

/** Docker's management commands: `image ls` is `images`. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  image: {
    ls: 'images',
    list: 'images',
    build: 'build',
    history: 'history',
    import: 'import',
    inspect: 'inspect',
    load: 'load',
    pull: 'pull',
    push: 'push',
    rm: 'rmi',
    remove: 'rmi',
    save: 'save',
    tag: 'tag',
    prune: 'image prune',
  },
  container: {
    ls: 'ps',
    list: 'ps',
    ps: 'ps',
    run: 'run',
    rm: 'rm',
    remove: 'rm',
    inspect: 'inspect',
    prune: 'container prune',
  },
  builder: { build: 'build', prune: 'builder prune' },
  buildx: { build: 'build', prune: 'builder prune' },
  system: { prune: 'prune', info: 'info', check: 'check' },
};

const PRUNES: Readonly<Record<string, () => Promise<CommandModule>>> = {
  'image prune': async () => (await system()).pruneImages,
  'container prune': async () => (await system()).pruneContainers,
  'builder prune': async () => (await system()).pruneBuilder,
};

const args = process.argv.slice(2);
// As for docker: whatever goes wrong in `run` before the command itself is 125.
void runMain(
  'tsctr',
  tsctr,
  args[0] === 'run' || (args[0] === 'container' && args[1] === 'run') ? ExitCode.tool : ExitCode.failure,
);

async function tsctr(): Promise<number> {
  const [first, second] = args;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    process.stdout.write(overview());
    return ExitCode.ok;
  }
  if (first === '--version' || first === '-v') return execute('version', await COMMANDS.version!.load(), []);
  const group = GROUPS[first];
  if (group === undefined) return execute(first, await load(first), args.slice(1));
  const name = second === undefined ? undefined : group[second];
  if (name === undefined) {
    throw new UsageError(
      `"${first} ${second ?? ''}" is no command: use ${Object.keys(group)
        .map((word) => `${first} ${word}`)
        .join(', ')}`,
    );
  }
  return execute(`${first} ${second}`, await (PRUNES[name] ?? (() => load(name)))(), args.slice(2));
}

async function load(name: string): Promise<CommandModule> {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) throw new UsageError(`'${name}' is not a tsctr command`);
  return entry.load();
}

async function execute(name: string, module: CommandModule, argv: readonly string[]): Promise<number> {
  let status: number = ExitCode.ok;
  const command = withMessages(new Command(`tsctr ${name}`));
  module.declare(command, (result) => {
    status = result;
  });
  const passThrough = module.passThrough === true;
  if (!passThrough) endQuietlyWithoutReader();
  await command.parseAsync(normaliseArguments(argv, command, { passThrough }), { from: 'user' });
  return status;
}

function overview(): string {
  const lines = Object.entries(COMMANDS).map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`);
  return `Usage: tsctr COMMAND [OPTIONS]\n\nImages and containers without a daemon\n\nCommands:\n${lines.join('\n')}\n\nManagement commands: ${Object.keys(GROUPS).join(', ')}\nRun 'tsctr COMMAND --help' for the options of a command.\n`;
}
