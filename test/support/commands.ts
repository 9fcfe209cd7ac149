import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe } from 'vitest';
import { emptyTrash } from '../../layers/gc/trash.ts';
import { layoutFiles } from './archives.ts';
import { busyboxTar, rootfsProblem } from './busybox-rootfs.ts';
import { type RawImage, rawImage } from './raw-image.ts';
import { tarOf } from './tar-files.ts';

const repository = resolve(import.meta.dirname, '../..');

export type Program = 'tsbuild' | 'tsrun' | 'tsctr';

/** How a command ended, and what it said. */
export interface Outcome {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it reads on standard input; nothing unless told. */
  readonly input?: string | Buffer;
  /** Programs to start it through, as `nsenter --net=… --`. */
  readonly through?: readonly string[];
}

/** Files of a build context by path: text or bytes; directories are made as needed. */
export type ContextFiles = Readonly<Record<string, string | Buffer>>;

/**
 * A store of its own and the commands on it, as a person runs them: bundled, one process each, with nothing of this
 * process' environment. Made and removed around a suite.
 */
export class Commands {
  /** Everything is below it. */
  readonly folder = mkdtempSync(join(tmpdir(), 'tsbuild-test-'));
  readonly root = join(this.folder, 'store');
  readonly defaults: CommandOptions;
  #names = 0;

  constructor(defaults: CommandOptions = {}) {
    this.defaults = defaults;
  }

  start(program: Program, args: readonly string[], options: CommandOptions = {}): ChildProcess {
    const { through = [], cwd, env } = { ...this.defaults, ...options };
    const argv = [...through, process.execPath, join(repository, `dist/${program}.cjs`), ...args];
    return spawn(argv[0]!, argv.slice(1), {
      cwd: cwd ?? this.folder,
      env: {
        PATH: process.env.PATH,
        HOME: this.folder,
        TSBUILD_ROOT: this.root,
        ...this.defaults.env,
        ...env,
      },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
  }

  async run(program: Program, args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    const child = this.start(program, args, options);
    child.stdin?.on('error', () => {}); // It need not read all.
    child.stdin?.end(options.input);
    return outcome(child);
  }

  readonly tsbuild = (args: readonly string[], options?: CommandOptions) =>
    this.run('tsbuild', args, options);
  readonly tsrun = (args: readonly string[], options?: CommandOptions) => this.run('tsrun', args, options);
  readonly tsctr = (args: readonly string[], options?: CommandOptions) => this.run('tsctr', args, options);

  /** A new directory with the files. */
  context(files: ContextFiles): string {
    const directory = join(this.folder, `context${this.#names++}`);
    mkdirSync(directory);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    return directory;
  }

  /** Builds a Dockerfile without network for its steps; resolves with the image ID on standard output. */
  build(dockerfile: string, files: ContextFiles = {}, args: readonly string[] = []): Promise<Outcome> {
    const context = this.context({ Dockerfile: dockerfile, ...files });
    return this.tsbuild(['-q', '--network=none', ...args, context]);
  }

  /** Has an image put together byte by byte loaded under a name. */
  async load(name: string, image: RawImage): Promise<Outcome> {
    const made = rawImage(image);
    const annotations = [{ 'io.containerd.image.name': `docker.io/library/${name}:latest` }];
    return this.tsctr(['load'], { input: tarOf(layoutFiles([made], annotations)) });
  }

  async remove(): Promise<void> {
    await emptyTrash(this.folder);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

export async function outcome(child: ChildProcess): Promise<Outcome> {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    buffer(child.stdout!),
    buffer(child.stderr!),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, stdout: stdout.toString(), stderr: stderr.toString() };
}

let base: Buffer | undefined;

/** A suite with the commands, on a store that has the image `busybox`. Without the means for it, it says so. */
export function describeCommands(
  title: string,
  suite: (commands: () => Commands) => void,
  defaults: () => CommandOptions = () => ({}),
): void {
  if (rootfsProblem !== undefined) console.log(`skipped: ${title}: ${rootfsProblem}`);
  describe.skipIf(rootfsProblem !== undefined)(title, () => {
    let commands: Commands;
    beforeAll(async () => {
      commands = new Commands(defaults());
      await importBusybox(commands);
    });
    afterAll(() => commands?.remove());
    suite(() => commands);
  });
}

export async function importBusybox(commands: Commands): Promise<void> {
  base ??= busyboxTar();
  const change = ['--change', 'CMD ["sh"]', '--change', 'ENV PATH=/bin'];
  const { code, stderr } = await commands.tsctr(['import', ...change, '-', 'busybox'], { input: base });
  if (code !== 0) throw new Error(`Cannot import busybox: ${stderr}`);
}

/** A network namespace that lasts until it is released, and is entered through `nsenter`. */
export function networkNamespace(): {
  readonly through: readonly string[];
  readonly pid: number;
  release(): void;
} {
  const holder = spawn('unshare', ['--net', 'sleep', '3600'], { stdio: 'ignore' });
  const pid = holder.pid!;
  const own = execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' });
  const current = () => execFileSync('readlink', [`/proc/${pid}/ns/net`], { encoding: 'utf8' });
  while (current() === own) execFileSync('sleep', ['0.01']);
  return {
    through: ['nsenter', `--net=/proc/${pid}/ns/net`, '--'],
    pid,
    release: () => holder.kill('SIGKILL'),
  };
}
