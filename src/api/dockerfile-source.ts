import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { DockerfileSource } from '../dockerfile/source.ts';
import { abortable, type BuildContexts, readTextFile } from './build-contexts.ts';
import { MAX_DOCKERFILE_BYTES, readDockerfileText } from './dockerfile-text.ts';
import { ApiError } from './errors.ts';
import type { BuildRequest } from './types.ts';

/** The Dockerfile's text, and the ignore file that stands beside it. */
export interface ReadDockerfile {
  readonly source: DockerfileSource;
  /** Text and name of `<Dockerfile>.dockerignore`, which replaces the context's own. */
  readonly ignore?: DockerfileSource;
}

/** Reads what `-f` names, else `Dockerfile` (or `dockerfile`) in the context. */
export async function readDockerfile(
  request: Pick<BuildRequest, 'dockerfile' | 'signal'>,
  contexts: BuildContexts,
): Promise<ReadDockerfile> {
  const { dockerfile } = request;
  if (contexts.dockerfileText !== undefined)
    return { source: { file: 'Dockerfile', text: contexts.dockerfileText } };
  if (dockerfile !== undefined && 'text' in dockerfile) {
    return { source: { file: 'Dockerfile', text: dockerfile.text } };
  }
  if (dockerfile !== undefined && 'stdin' in dockerfile) {
    const text = await readDockerfileText(abortable(dockerfile.stdin, request.signal));
    return { source: { file: 'Dockerfile', text } };
  }
  const found = dockerfile === undefined ? inContext(contexts) : atPath(dockerfile.path, contexts);
  if (found !== undefined) return found;
  const wanted = dockerfile?.path ?? 'Dockerfile';
  throw new ApiError(
    'NO_DOCKERFILE',
    wanted,
    `failed to read dockerfile: open ${wanted}: no such file or directory`,
  );
}

/** The default names, in the context directory or archive. */
function inContext(contexts: BuildContexts): ReadDockerfile | undefined {
  if (contexts.directory !== undefined) {
    const { directory } = contexts;
    return onHost(join(directory, 'Dockerfile')) ?? onHost(join(directory, 'dockerfile'));
  }
  return inTree('Dockerfile', contexts) ?? inTree('dockerfile', contexts);
}

/** `-f` is relative to the working directory first, as Docker's CLI has it, then to the context. */
function atPath(path: string, contexts: BuildContexts): ReadDockerfile | undefined {
  if (contexts.directory === undefined && contexts.main !== undefined) return inTree(path, contexts);
  return (
    onHost(path) ?? (contexts.directory === undefined ? undefined : onHost(join(contexts.directory, path)))
  );
}

function onHost(path: string): ReadDockerfile | undefined {
  const text = readIfPresent(path);
  if (text === undefined) return undefined;
  const file = shortest(path);
  return read(file, text, readIfPresent(`${path}.dockerignore`));
}

function inTree(path: string, { main }: BuildContexts): ReadDockerfile | undefined {
  if (main === undefined) return undefined;
  const text = readTextFile(main, path, MAX_DOCKERFILE_BYTES);
  return text === undefined
    ? undefined
    : read(path, text, readTextFile(main, `${path}.dockerignore`, MAX_DOCKERFILE_BYTES));
}

function read(file: string, text: string, ignore: string | undefined): ReadDockerfile {
  return {
    source: { file, text },
    ...(ignore !== undefined && { ignore: { file: `${file}.dockerignore`, text: ignore } }),
  };
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EISDIR')
      throw new ApiError('NO_DOCKERFILE', path, `failed to read dockerfile: ${path} is a directory`);
    throw error;
  }
}

/** The path as a person would write it from here. */
function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}
