import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import {
  bytePath,
  type DirectoryTree,
  directoryTree,
  type FileTree,
  type Store,
} from '../../layers/index.ts';
import { parseGitUrl } from '../dockerfile/git-url.ts';
import type { NamedContext } from '../dockerfile/lower/request.ts';
import type { DockerfileSource } from '../dockerfile/source.ts';
import { ignoreFilePatterns } from '../llb/ignore-patterns.ts';
import { LocalTree } from '../ops/source-local.ts';
import { ApiError } from './errors.ts';
import { contextAddress, type MainContext, openRemoteContext, openStreamContext } from './main-context.ts';
import { readNode } from './read-node.ts';
import type { RemoteOptions } from './remote-source.ts';
import type { BuildRequest } from './types.ts';

/** What a build reads its files from. */
export interface BuildContexts {
  /** The main context before anything is left out; undefined when there is none. */
  readonly main: FileTree | undefined;
  /** Its path, when it is a directory of the host. */
  readonly directory: string | undefined;
  /** When it was made, in seconds since 1970, where it came from elsewhere and that is known. */
  time(): Promise<number | undefined>;
  /** A Dockerfile that came in the place of a context, on standard input. */
  readonly dockerfileText: string | undefined;
  readonly named: ReadonlyMap<string, NamedContext>;
  /** Trees by the names that local sources of the graph use, what is to be ignored left out. */
  locals(): ReadonlyMap<string, LocalTree>;
  /** Takes `<Dockerfile>.dockerignore` in place of the main context's own .dockerignore. */
  useIgnoreFile(ignore: DockerfileSource | undefined): void;
  isIgnored(context: string, path: string): boolean;
  close(): void;
}

/** Name of the main context among the local sources. */
const MAIN = 'context';

/** Opens the main context (a directory, a tar stream or an address) and looks at what the named ones are. */
export async function openContexts(
  store: Store,
  request: BuildRequest,
  options: Omit<RemoteOptions, 'name'>,
): Promise<BuildContexts> {
  const named = new Map(
    Object.entries(request.buildContexts ?? {}).map(([name, text]) => [name, namedContext(name, text)]),
  );
  const directories = new Map(
    [...named].flatMap(([name, value]) =>
      value.kind === 'local' ? [[name, directoryOf(request.buildContexts![name]!)]] : [],
    ),
  ) as Map<string, string>;
  return new Contexts(await openMain(store, request, options), named, directories);
}

async function openMain(
  store: Store,
  { context, signal }: BuildRequest,
  options: Omit<RemoteOptions, 'name'>,
): Promise<MainContext | undefined> {
  if (context === undefined) return undefined;
  if (typeof context !== 'string') return await openStreamContext(store, abortable(context, signal));
  const source = existsSync(context) ? undefined : contextAddress(context);
  return source === undefined
    ? { kind: 'directory', path: directoryOf(context) }
    : await openRemoteContext(store, source, options);
}

class Contexts implements BuildContexts {
  readonly main: FileTree | undefined;
  readonly directory: string | undefined;
  readonly dockerfileText: string | undefined;
  #ignore: DockerfileSource | undefined;
  #locals: Map<string, LocalTree> | undefined;
  /** Each holds a descriptor. */
  readonly #opened: DirectoryTree[] = [];

  constructor(
    readonly source: MainContext | undefined,
    readonly named: ReadonlyMap<string, NamedContext>,
    readonly directories: ReadonlyMap<string, string>,
  ) {
    if (source?.kind === 'directory') {
      this.directory = source.path;
      this.main = this.#openDirectory(source.path);
    } else if (source?.kind === 'files') this.main = source.tree;
    else if (source?.kind === 'dockerfile') this.dockerfileText = source.text;
  }

  async time(): Promise<number | undefined> {
    return this.source?.kind === 'files' ? await this.source.time?.() : undefined;
  }

  useIgnoreFile(ignore: DockerfileSource | undefined): void {
    this.#ignore = ignore;
  }

  locals(): ReadonlyMap<string, LocalTree> {
    this.#locals ??= this.#open();
    return this.#locals;
  }

  isIgnored(context: string, path: string): boolean {
    return this.locals().get(context)?.hides(bytePath(path)) ?? false;
  }

  close(): void {
    if (this.source?.kind === 'files') this.source.close?.();
    for (const tree of this.#opened.splice(0)) tree.close();
  }

  #openDirectory(path: string): DirectoryTree {
    const tree = directoryTree(path);
    this.#opened.push(tree);
    return tree;
  }

  #open(): Map<string, LocalTree> {
    const locals = new Map<string, LocalTree>();
    for (const [name, path] of this.directories) {
      const tree = this.#openDirectory(path);
      locals.set(name, new LocalTree(path, tree, ignoreFilePatterns(readIgnoreFile(tree) ?? '')));
    }
    if (this.main !== undefined) {
      // As in Docker, an archive and a repository are what they are: .dockerignore is about directories of the host.
      const text =
        this.directory === undefined ? '' : (this.#ignore?.text ?? readIgnoreFile(this.main) ?? '');
      locals.set(MAIN, new LocalTree(this.directory ?? '', this.main, ignoreFilePatterns(text)));
    }
    return locals;
  }
}

function directoryOf(text: string): string {
  if (!existsSync(text)) {
    throw new ApiError('NO_CONTEXT', text, `unable to prepare context: path "${text}" not found`);
  }
  if (!statSync(text).isDirectory()) {
    throw new ApiError(
      'NO_CONTEXT',
      text,
      `unable to prepare context: "${text}" is not a directory: name the directory that holds the Dockerfile`,
    );
  }
  return resolve(text);
}

/** What `--build-context name=text` means. Throws `BAD_REQUEST`. */
function namedContext(name: string, text: string): NamedContext {
  const match = /^([a-z][a-z0-9+.-]*):(\/\/)?(.*)$/.exec(text);
  const [, scheme = '', , rest = ''] = match ?? [];
  if (scheme === 'target' || scheme === 'input') {
    throw new ApiError(
      'BAD_REQUEST',
      name,
      `build context ${name}: "${scheme}:" names a target of another build, as bake has them: build that with -t NAME first, and give ${name}=docker-image://NAME`,
    );
  }
  if (isGitAddress(text)) return { kind: 'git', url: text };
  if (match?.[2] === undefined) return { kind: 'local' };
  switch (scheme) {
    case 'docker-image':
      return rest === 'scratch' ? { kind: 'scratch' } : { kind: 'image', ref: rest };
    case 'oci-layout':
      return { kind: 'oci-layout', ref: rest };
    case 'http':
    case 'https':
      return { kind: 'http', url: text };
    default:
      throw new ApiError(
        'BAD_REQUEST',
        name,
        `build context ${name}: unknown kind "${scheme}://": use a directory, docker-image://, oci-layout://, a git or an http(s) address`,
      );
  }
}

/** Whether the text is a repository's address; one with wrong options is, and fails where it is used. */
function isGitAddress(text: string): boolean {
  try {
    return parseGitUrl(text) !== undefined;
  } catch {
    return true;
  }
}

const IGNORE_LIMIT = 1024 * 1024;

/** The context's .dockerignore. It is looked up inside the context: a symlink that leads nowhere in it is an error. */
function readIgnoreFile(tree: FileTree): string | undefined {
  const text = readTextFile(tree, '.dockerignore', IGNORE_LIMIT);
  if (text === undefined && tree.lookup('/.dockerignore')?.stat.type === 'symlink') {
    throw new ApiError(
      'BAD_REQUEST',
      '.dockerignore',
      'failed to read .dockerignore: it is a symbolic link that leads to no file in the build context: put the file itself there',
    );
  }
  return text;
}

/** A small text file of a tree; undefined when there is no such file. */
export function readTextFile(tree: FileTree, path: string, limit: number): string | undefined {
  const node = tree.lookup(bytePath(`/${path}`), { follow: true });
  if (node === undefined || node.stat.type !== 'file') return undefined;
  if (node.stat.size > limit) {
    throw new ApiError('BAD_REQUEST', path, `${path} has ${node.stat.size} bytes, more than ${limit}`);
  }
  return readNode(tree, node);
}

/** The stream itself where it can be stopped: one that is wrapped goes on waiting for it. */
export function abortable(stream: NodeJS.ReadableStream, signal: AbortSignal | undefined): Readable {
  const readable = stream instanceof Readable ? stream : Readable.from(stream as AsyncIterable<Uint8Array>);
  return signal === undefined ? readable : addAbortSignal(signal, readable);
}
