import { join, relative } from 'node:path';
import { bytePath, type FileNode, type FileTree, type Store } from '../../layers/index.ts';
import { withoutCredentials } from '../dockerfile/credentials.ts';
import { isHttpUrl } from '../dockerfile/git-url.ts';
import type { DockerfileSource } from '../dockerfile/source.ts';
import { abortable, type BuildContexts, readTextFile } from './build-contexts.ts';
import { MAX_DOCKERFILE_BYTES, readDockerfileText } from './dockerfile-text.ts';
import { ApiError } from './errors.ts';
import { readHostText } from './host-text.ts';
import { fetchSource, type RemoteOptions } from './remote-source.ts';
import type { BuildRequest } from './types.ts';

/** The Dockerfile's text, and the ignore file that stands beside it. */
export interface ReadDockerfile {
  readonly source: DockerfileSource;
  /** Text and name of `<Dockerfile>.dockerignore`, which replaces the context's own. */
  readonly ignore?: DockerfileSource;
}

export interface DockerfilePlace extends Omit<RemoteOptions, 'name'> {
  readonly request: Pick<BuildRequest, 'dockerfile'>;
  readonly store: Store;
  readonly contexts: BuildContexts;
}

/** Reads what `-f` names, else `Dockerfile` (or `dockerfile`) in the context. */
export async function readDockerfile(given: DockerfilePlace): Promise<ReadDockerfile> {
  const { request, contexts, signal } = given;
  const { dockerfile } = request;
  if (contexts.dockerfileText !== undefined)
    return { source: { file: 'Dockerfile', text: contexts.dockerfileText } };
  if (dockerfile !== undefined && 'text' in dockerfile) {
    return { source: { file: 'Dockerfile', text: dockerfile.text } };
  }
  if (dockerfile !== undefined && 'stdin' in dockerfile) {
    const text = await readDockerfileText(abortable(dockerfile.stdin, signal));
    return { source: { file: 'Dockerfile', text } };
  }
  const found =
    dockerfile === undefined
      ? inContext(contexts)
      : isHttpUrl(dockerfile.path)
        ? await atAddress(dockerfile.path, given)
        : await atPath(dockerfile.path, contexts, signal);
  if (found !== undefined) return found;
  const wanted = dockerfile?.path ?? 'Dockerfile';
  throw new ApiError(
    'NO_DOCKERFILE',
    wanted,
    `failed to read dockerfile: open ${wanted}: no such file or directory`,
  );
}

/** The default names. Nobody named the file, so it has to be in the context: a link is followed inside it only. */
function inContext({ main, directory }: BuildContexts): ReadDockerfile | undefined {
  for (const name of ['Dockerfile', 'dockerfile']) {
    const found = inTree(name, main);
    if (found === undefined) continue;
    return directory === undefined ? found : { ...found, source: named(join(directory, name), found) };
  }
  return undefined;
}

const named = (path: string, { source }: ReadDockerfile) => ({ ...source, file: shortest(path) });

/** `-f https://…`: the text alone comes from there. */
async function atAddress(url: string, { store, ...place }: DockerfilePlace): Promise<ReadDockerfile> {
  const name = `[internal] load remote Dockerfile ${withoutCredentials(url)}`;
  const tree = await fetchSource(store, { type: 'http', url, filename: 'Dockerfile' }, { ...place, name });
  return { source: { file: 'Dockerfile', text: readTextFile(tree, 'Dockerfile', MAX_DOCKERFILE_BYTES)! } };
}

/** `-f` is relative to the working directory first, as Docker's CLI has it, then to the context. */
async function atPath(
  path: string,
  { main, directory }: BuildContexts,
  signal: AbortSignal | undefined,
): Promise<ReadDockerfile | undefined> {
  if (directory === undefined && main !== undefined) return inTree(path, main);
  const found = await onHost(path, signal);
  return found ?? (directory === undefined ? undefined : onHost(join(directory, path), signal));
}

async function onHost(path: string, signal: AbortSignal | undefined): Promise<ReadDockerfile | undefined> {
  const text = await readHostText(path, signal);
  if (text === undefined) return undefined;
  return read(shortest(path), text, await readHostText(`${path}.dockerignore`, signal));
}

function inTree(path: string, main: FileTree | undefined): ReadDockerfile | undefined {
  if (main === undefined) return undefined;
  const node = main.lookup(bytePath(`/${path}`), { follow: false });
  if (node === undefined) return undefined;
  refuseOther(path, main.lookup(node.path, { follow: true }));
  const text = readTextFile(main, path, MAX_DOCKERFILE_BYTES);
  return text === undefined
    ? undefined
    : read(path, text, readTextFile(main, `${path}.dockerignore`, MAX_DOCKERFILE_BYTES));
}

function refuseOther(path: string, node: FileNode | undefined): void {
  if (node?.stat.type === 'file') return;
  const kind =
    node === undefined
      ? 'a link that leads to nothing in the context: name the file with -f'
      : node.stat.type === 'directory'
        ? 'a directory'
        : 'not a file';
  throw new ApiError('NO_DOCKERFILE', path, `failed to read dockerfile: ${path} is ${kind}`);
}

function read(file: string, text: string, ignore: string | undefined): ReadDockerfile {
  return {
    source: { file, text },
    ...(ignore !== undefined && { ignore: { file: `${file}.dockerignore`, text: ignore } }),
  };
}

/** The path as a person would write it from here. */
function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}
