import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
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
 * In the file follow the modules that ran in those starts, of which the code has the functions: their numbers, and how
 * many they are, as u32, little endian.
 */
export interface CompiledCode {
  /** What V8 is given; undefined where there is none to be trusted. */
  readonly code: Buffer | undefined;
  readonly modules: ReadonlySet<number>;
}

export const NO_CODE: CompiledCode = { code: undefined, modules: new Set() };

const NUMBER = 4;

export function readCode({ path }: CodeFile): CompiledCode {
  const file = readPrivate(path);
  if (file === undefined || file.length < NUMBER) return NO_CODE;
  const end = file.length - NUMBER;
  const begin = end - NUMBER * file.readUInt32LE(end);
  if (begin < 0) return NO_CODE;
  const modules = new Set<number>();
  for (let at = begin; at < end; at += NUMBER) modules.add(file.readUInt32LE(at));
  return { code: file.subarray(0, begin), modules };
}

/**
 * Written whole, by rename; to the disk first, since V8 does not notice code of which a crash has left a part. Never
 * throws: without it, starts compile what they need.
 */
export function writeCode(file: CodeFile, code: Buffer, modules: ReadonlySet<number>): void {
  const { directories, path } = file;
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    // One by one: Node's own recursive mkdir never returns where the kernel answers ENOENT to mkdir, as in /proc.
    for (const name of directories) if (!existsSync(name)) mkdirSync(name, { mode: 0o700 });
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(fd, Buffer.concat([code, trailer(modules)]));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    removeOld(file);
  } catch {
    // A read-only or full home.
    unlinkIfThere(temporary);
  }
}

function trailer(modules: ReadonlySet<number>): Buffer {
  const bytes = Buffer.alloc(NUMBER * (modules.size + 1));
  let at = 0;
  for (const number of modules) at = bytes.writeUInt32LE(number, at);
  bytes.writeUInt32LE(modules.size, at);
  return bytes;
}

function removeOld({ directory, prefix }: CodeFile): void {
  for (const name of readdirSync(directory)) {
    const other = `${directory}/${name}`;
    if (name.startsWith(prefix) && statSync(other).mtimeMs < Date.now() - KEEP) unlinkSync(other);
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was not made, or is in its place.
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
 * V8 itself refuses code of another version or other flags: those that are told by options have a file of their own.
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
    path: `${directory}/${prefix}${digest}-${process.version}-${process.arch}${optionsMark(env)}`,
  };
}

/** Tells Node's options apart; nothing where there are none. */
function optionsMark({ NODE_OPTIONS: options = '' }: NodeJS.ProcessEnv): string {
  const all = [...process.execArgv, options].join(' ').trim();
  if (all === '') return '';
  let mark = 0;
  for (let at = 0; at < all.length; at++) mark = (Math.imul(mark, 31) + all.charCodeAt(at)) >>> 0;
  return `-${mark.toString(36)}`;
}

/** The file's bytes, if it is this user's alone: whoever can write it decides what is run. */
function readPrivate(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(fd);
    const isOwn = stat.isFile() && stat.uid === process.geteuid?.() && (stat.mode & 0o022) === 0;
    return isOwn ? readFileSync(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
