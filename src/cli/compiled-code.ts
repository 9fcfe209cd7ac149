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

/** Code of versions that were not started since is dropped after this time, in milliseconds. */
const KEEP = 30 * 24 * 3600 * 1000;

/**
 * V8's compiled code of a bundle, as earlier starts have left it in the user's cache (docs/decisions/0003-start-up.md).
 * In the file follow the modules that ran in those starts, of which the code has the functions: their numbers as u16,
 * and how many they are as u32, little endian.
 */
export interface CompiledCode {
  /** What V8 is given; undefined where there is none to be trusted. */
  readonly code: Buffer | undefined;
  readonly modules: ReadonlySet<number>;
}

export const NO_CODE: CompiledCode = { code: undefined, modules: new Set() };

const COUNT = 4;

export function readCode({ path }: CodeFile): CompiledCode {
  const file = readPrivate(path);
  if (file === undefined || file.length < COUNT) return NO_CODE;
  const end = file.length - COUNT;
  const begin = end - 2 * file.readUInt32LE(end);
  if (begin < 0) return NO_CODE;
  const modules = new Set<number>();
  for (let at = begin; at < end; at += 2) modules.add(file.readUInt16LE(at));
  return { code: file.subarray(0, begin), modules };
}

/** Written whole, by rename. Never throws: without it, starts compile what they need. */
export function writeCode(
  { directories, directory, prefix, path }: CodeFile,
  code: Buffer,
  modules: Iterable<number>,
): void {
  const temporary = `${path}.${process.pid}`;
  const numbers = [...modules];
  const trailer = Buffer.alloc(2 * numbers.length + COUNT);
  numbers.forEach((number, index) => {
    trailer.writeUInt16LE(number, 2 * index);
  });
  trailer.writeUInt32LE(numbers.length, 2 * numbers.length);
  try {
    // One by one: Node's own recursive mkdir never returns where the kernel answers ENOENT to mkdir, as in /proc.
    for (const name of directories) if (!existsSync(name)) mkdirSync(name, { mode: 0o700 });
    writeFileSync(temporary, Buffer.concat([code, trailer]), { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
    for (const name of readdirSync(directory)) {
      const other = `${directory}/${name}`;
      if (name.startsWith(prefix) && statSync(other).mtimeMs < Date.now() - KEEP) unlinkSync(other);
    }
  } catch {
    // A read-only or full home.
  }
}

export interface CodeFile {
  /** Those to be made where they are missing, outermost first; the last is `directory`. */
  readonly directories: readonly string[];
  readonly directory: string;
  /** What all files of this command begin with. */
  readonly prefix: string;
  readonly path: string;
}

/**
 * Where the code of a command is, of the bundle with that digest; undefined where the user has no place for caches.
 * V8 itself refuses code of another version or other flags.
 */
export function codeFile(command: string, digest: string, env: NodeJS.ProcessEnv): CodeFile | undefined {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : env.HOME && `${env.HOME}/.cache`;
  if (!base) return undefined;
  const directories = [base, `${base}/tsbuild`, `${base}/tsbuild/code`];
  const directory = directories[2]!;
  const prefix = `${command}-`;
  return {
    directories,
    directory,
    prefix,
    path: `${directory}/${prefix}${digest}-${process.version}-${process.arch}`,
  };
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
