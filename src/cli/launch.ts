import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { Script } from 'node:vm';

/**
 * The file behind each command: runs the command's bundle with V8's compiled code of an earlier start, which saves
 * half of the time until the first useful work (docs/decisions/0003-start-up.md). Compiled code is an optimisation
 * only: where it cannot be read, written or used, the bundle is compiled as usual.
 */

/** Name of the command, and the digest of its bundle; build.mjs fills them in. */
declare const BUNDLE: string;
declare const BUNDLE_DIGEST: string;

/** Code of versions that were not started since is dropped after this time, in milliseconds. */
const KEEP = 30 * 24 * 3600 * 1000;

// build.mjs has the script take it away for Node's own start; whoever asks for it by name gets it.
const { TSBUILD_EXTRA_CA_CERTS: certificates } = process.env;
if (certificates !== undefined) {
  process.env.NODE_EXTRA_CA_CERTS = certificates;
  delete process.env.TSBUILD_EXTRA_CA_CERTS;
}

// As many as there are cores, for compression: before anything has started libuv's pool, which has four by itself.
const cores = availableParallelism();
if (cores > 4 && process.env.UV_THREADPOOL_SIZE === undefined) process.env.UV_THREADPOOL_SIZE = `${cores}`;

const bundle = `${__dirname}/commands/${BUNDLE}.js`;
const cache = cacheFile(process.env);
const cachedData = cache && readPrivate(cache.path);
// build.mjs has made it a function of what a module is given: put around it here, all of the text would be copied.
const script = new Script(readFileSync(bundle, 'latin1'), {
  filename: bundle,
  ...(cachedData && { cachedData }),
});
script.runInThisContext()({}, require, module, __filename, __dirname);
if (cache && (cachedData === undefined || script.cachedDataRejected)) {
  // At the end the code holds every function that a start of this kind needs, and no other: help needs hardly any.
  const words = BUNDLE === 'tsrun' ? /^--(help|version)$/ : /^(--help|-h|--version|-v)$/;
  const isHelp = process.argv.some((word) => words.test(word));
  process.once('exit', (status) => {
    if (status === 0 && !isHelp) save(cache, script.createCachedData());
  });
}

interface CacheFile {
  /** Those to be made where they are missing, outermost first; the last is `directory`. */
  readonly directories: readonly string[];
  readonly directory: string;
  /** What all files of this command begin with. */
  readonly prefix: string;
  readonly path: string;
}

/** Undefined where the user has no place for caches. */
function cacheFile(env: NodeJS.ProcessEnv): CacheFile | undefined {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : env.HOME && `${env.HOME}/.cache`;
  if (!base) return undefined;
  const directories = [base, `${base}/tsbuild`, `${base}/tsbuild/code`];
  const directory = directories[2]!;
  const prefix = `${BUNDLE}${subcommand()}-`;
  // V8 itself refuses code of another version or other flags.
  return {
    directories,
    directory,
    prefix,
    path: `${directory}/${prefix}${BUNDLE_DIGEST}-${process.version}-${process.arch}`,
  };
}

/** `tsctr` is many commands: each has its own code. */
function subcommand(): string {
  const [, , first = ''] = process.argv;
  return BUNDLE === 'tsctr' && /^[a-z]{1,12}$/.test(first) ? `-${first}` : '';
}

/** The file's bytes, if it is this user's alone: whoever can write it decides what is run. */
function readPrivate(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
  try {
    const { uid, mode } = fstatSync(fd);
    return uid === process.geteuid?.() && (mode & 0o022) === 0 ? readFileSync(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function save({ directories, directory, prefix, path }: CacheFile, code: Buffer): void {
  const temporary = `${path}.${process.pid}`;
  try {
    // One by one: Node's own recursive mkdir never returns where the kernel answers ENOENT to mkdir, as in /proc.
    for (const name of directories) if (!existsSync(name)) mkdirSync(name, { mode: 0o700 });
    writeFileSync(temporary, code, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
    for (const name of readdirSync(directory)) {
      const other = `${directory}/${name}`;
      if (name.startsWith(prefix) && statSync(other).mtimeMs < Date.now() - KEEP) unlinkSync(other);
    }
  } catch {
    // A read-only or full home: the next start compiles again.
  }
}
