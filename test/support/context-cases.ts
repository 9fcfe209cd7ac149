import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import type { BuildRequest } from '../../src/index.ts';
import { type TarFiles, tarOf } from './tar-files.ts';
import { tempFolder } from './temp-folder.ts';

const folder = resolve(import.meta.dirname, '../../fixtures/contexts');

/** expect.json of a folder of fixtures/contexts. */
export interface ContextExpectation {
  readonly about: string;
  /** What a checkout may not be able to hold, by its path in the context. */
  readonly context?: Readonly<Record<string, ContextEntry>>;
  /** What the caller asks for, the context apart. */
  readonly request?: ContextRequest;
  /** Of the image's config: these and no others are compared. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What the history says was done, the base image's left out; `+` before what made a layer. */
  readonly history?: readonly string[];
  readonly warnings?: readonly string[];
  /** The build fails, and this is what a person sees: nothing else is compared. */
  readonly error?: readonly string[];
  /** What differs from the base image, one line each as `shortListing` has it. */
  readonly files?: Readonly<Record<string, string>>;
  /** Modification times of these paths, in seconds since 1970. */
  readonly times?: Readonly<Record<string, number>>;
  /** Paths of the base image that are no more. */
  readonly gone?: readonly string[];
}

export type ContextEntry =
  | { readonly symlink: string }
  /** A hard link to another path of the context. */
  | { readonly link: string }
  | { readonly special: 'fifo' | 'socket' }
  /** Texts of an archive by path; `dir/` is a directory, `{ linkpath }` in place of a text a symlink. */
  | {
      readonly tar: Readonly<Record<string, string | TarEntry>>;
      readonly compressed?: 'gzip' | 'bzip2' | 'xz' | 'zstd';
    }
  | { readonly text: string }
  | { readonly directory: true }
  /** Of what is there. */
  | { readonly mode?: string; readonly mtime?: number };

interface TarEntry {
  readonly text?: string;
  readonly linkpath?: string;
  /** Octal. */
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
}

type ContextRequest = Omit<
  BuildRequest,
  'context' | 'storeRoot' | 'secrets' | 'ssh' | 'signal' | 'onFailedStep'
> & {
  /** Values by id. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** SSH agents, by id, that nobody ever gets an answer from. */
  readonly agents?: readonly string[];
};

export interface ContextCase {
  readonly name: string;
  readonly expected: ContextExpectation;
  /** Path of expect.json. */
  readonly file: string;
}

/** The cases that have an expectation. */
export function contextCases(): ContextCase[] {
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name, file: join(folder, name, 'expect.json') }))
    .filter(({ file }) => existsSync(file))
    .map((given) => ({
      ...given,
      expected: JSON.parse(readFileSync(given.file, 'utf8')) as ContextExpectation,
    }));
}

/** The request of a case; local contexts that it names (`./NAME`) are folders of its own context. */
export async function requestOf({ expected }: ContextCase, context: string): Promise<BuildRequest> {
  const { secrets = {}, agents = [], buildContexts = {}, ...rest } = expected.request ?? {};
  return {
    network: 'none',
    ...rest,
    context,
    buildContexts: Object.fromEntries(
      Object.entries(buildContexts).map(([name, value]) => [
        name,
        value.startsWith('./') ? join(context, value) : value,
      ]),
    ),
    ssh: await Promise.all(agents.map(async (id) => ({ id, paths: [await listeningSocket()] }))),
    secrets: Object.entries(secrets).map(([id, value]) => ({ id, source: { value: Buffer.from(value) } })),
  };
}

async function listeningSocket(): Promise<string> {
  const path = join(tempFolder(), 'agent');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return path;
}

/** Puts the context of a case together in a folder of its own. */
export function makeContext({ name, expected }: ContextCase): string {
  const directory = join(tempFolder(), 'context');
  cpSync(join(folder, name), directory, { recursive: true });
  rmSync(join(directory, 'expect.json'));
  // As a checkout with the usual umask has them, whatever this one's is.
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  for (const [path, entry] of Object.entries(expected.context ?? {}))
    makeEntry(directory, join(directory, path), entry);
  return directory;
}

function makeEntry(directory: string, target: string, entry: ContextEntry): void {
  mkdirSync(dirname(target), { recursive: true });
  if ('symlink' in entry) symlinkSync(entry.symlink, target);
  else if ('link' in entry) linkSync(join(directory, entry.link), target);
  else if ('special' in entry) makeSpecial(target, entry.special);
  else if ('tar' in entry) writeFileSync(target, compress(tarOf(tarFiles(entry.tar)), entry.compressed));
  else if ('text' in entry) writeFileSync(target, entry.text, { mode: 0o644 });
  else if ('directory' in entry) mkdirSync(target, { mode: 0o755 });
  else changeEntry(target, entry);
}

function changeEntry(target: string, { mode, mtime }: { mode?: string; mtime?: number }): void {
  if (mode !== undefined) chmodSync(target, Number.parseInt(mode, 8));
  if (mtime !== undefined) utimesSync(target, mtime, mtime);
}

/** Node makes no FIFO, and removes a socket when whoever listens on it ends. */
function makeSpecial(target: string, special: 'fifo' | 'socket'): void {
  if (special === 'fifo') execFileSync('mkfifo', [target]);
  else
    execFileSync('python3', [
      '-c',
      'import socket,sys;socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
      target,
    ]);
}

function compress(tar: Buffer, kind: 'gzip' | 'bzip2' | 'xz' | 'zstd' | undefined): Buffer {
  if (kind === undefined) return tar;
  return kind === 'gzip' ? gzipSync(tar) : execFileSync(kind, ['-c'], { input: tar });
}

function tarFiles(files: Readonly<Record<string, string | TarEntry>>): TarFiles {
  return Object.fromEntries(Object.entries(files).map(([path, file]) => [path, tarEntry(path, file)]));
}

function tarEntry(path: string, file: string | TarEntry): TarFiles[string] {
  const isDirectory = path.endsWith('/');
  const { text = '', linkpath, mode, mtime = 0, ...owner } = typeof file === 'string' ? { text: file } : file;
  const usual = isDirectory ? '755' : '644';
  const header = { ...owner, mode: Number.parseInt(mode ?? usual, 8), mtime: new Date(mtime * 1000) };
  if (linkpath !== undefined) return { ...header, type: 'SymbolicLink', linkpath };
  return isDirectory ? { ...header, type: 'Directory' } : { ...header, type: 'File', body: text };
}
