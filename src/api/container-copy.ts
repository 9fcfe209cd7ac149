import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  bytePath,
  type DirectoryTree,
  directoryTree,
  directoryWriter,
  displayPath,
  extractArchive,
  type FileNode,
} from '../../layers/index.ts';
import { tarOf } from '../exporter/tar.ts';
import { type ContainerFiles, type ContainerTree, openContainerFiles } from '../runtime/container-files.ts';
import { type ContainerState, isRunning } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { resolveUser } from '../runtime/passwd.ts';
import { copyTree } from './copy/copy-tree.ts';
import { hostDestination, hostSource } from './copy/host-files.ts';
import { assertsDirectory, type CopyDestination, placementOf, splitEntry } from './copy/placement.ts';
import { ApiError } from './errors.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export interface CopyRequest extends StoreLocation {
  /** Copy what a symlink at the source means, and not the link. */
  readonly followLink?: boolean;
  readonly signal?: AbortSignal;
}

export interface CopyToRequest extends CopyRequest {
  /** What is written is owned by the container's user, and not by whom it is owned at the source. */
  readonly archive?: boolean;
}

/** How much was copied: bytes of a tar of it. */
export interface Copied {
  readonly bytes: number;
}

/**
 * Copies a file or directory out of a container, running or not, as `docker cp` does: to a path of the host, owned by
 * who runs this, or as a tar into a stream. Nothing in the container can name a file outside of it, nor is one written
 * outside of the destination. Throws `NOT_FOUND`, `BAD_REQUEST`.
 */
export function copyFromContainer(
  container: string,
  path: string,
  destination: string | Writable,
  request: CopyRequest = {},
): Promise<Copied> {
  const target = typeof destination === 'string' ? hostDestination(destination) : destination;
  return withFiles(container, request, async ({ tree }, state) => {
    const source = containerSource(tree, state, path, request.followLink ?? false);
    if (!('found' in target)) {
      const bytes = Readable.from(tarOf(tree, { of: source, changing: true }), { objectMode: false });
      await pipeline(bytes, target, { end: false, ...(request.signal && { signal: request.signal }) });
      return { bytes: 0 };
    }
    const isDirectory = source.node.stat.type === 'directory';
    const place = placementOf({ path: source.path, isDirectory }, target);
    const writer = directoryWriter(place.directory);
    try {
      const owner = { uid: process.geteuid!(), gid: process.getegid!() };
      const at = { directory: '/', name: bytePath(place.name) };
      const bytes = await copyTree(tree, source.node, writer, at, { owner, ...signalOf(request) });
      return { bytes };
    } finally {
      writer.close();
    }
  });
}

/**
 * Copies a file or directory of the host, or what is in a tar, into a container, running or not, as `docker cp` does.
 * Throws `NOT_FOUND`, `BAD_REQUEST`.
 */
export function copyToContainer(
  source: string | Readable,
  container: string,
  path: string,
  request: CopyToRequest = {},
): Promise<Copied> {
  return withFiles(container, request, async (files, state) => {
    const destination = containerDestination(files.tree, state, path);
    const owner = request.archive ? { owner: userOf(files.tree, state) } : {};
    if (typeof source !== 'string') {
      if (destination.found !== 'directory')
        throw new ApiError('BAD_REQUEST', path, `destination "${state.name}:${path}" must be a directory`);
      const directory = extractionPoint(files.tree, state, destination.path);
      const writer = files.writer();
      await extractArchive(source, writer, directory, owner);
      writer.finish();
      return { bytes: 0 };
    }
    const found = hostSource(source, request.followLink ?? false);
    const place = placementOf(found, destination);
    const directory = extractionPoint(files.tree, state, place.directory);
    const tree = directoryTree(found.directory);
    try {
      const node = lookUp(tree, found.entry, found.path);
      const at = { directory, name: bytePath(place.name) };
      return { bytes: await copyTree(tree, node, files.writer(), at, { ...owner, ...signalOf(request) }) };
    } finally {
      tree.close();
    }
  });
}

async function withFiles<T>(
  name: string,
  location: StoreLocation,
  body: (files: ContainerFiles, state: ContainerState) => Promise<T>,
): Promise<T> {
  return withStore(location, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const state = containers.find(name);
    const files = await openContainerFiles(store, state);
    try {
      return await body(files, state);
    } finally {
      files.close();
    }
  });
}

const signalOf = ({ signal }: CopyRequest) => (signal ? { signal } : {});

/** `name`: what it is called in a tar of it. */
function containerSource(tree: ContainerTree, state: ContainerState, text: string, followLink: boolean) {
  const path = text.startsWith('/') ? text : `/${text}`;
  const isEntered = assertsDirectory(path);
  const found = tree.lookup(bytePath(path), { follow: isEntered });
  const isLink = found?.stat.type === 'symlink' && followLink;
  const node = isLink ? tree.lookup(found.path, { follow: true }) : found;
  if (node === undefined) {
    const missing = isLink ? displayPath(tree.resolve(found.path)) : path;
    throw notFound(missing, state);
  }
  if (isEntered && node.stat.type !== 'directory')
    throw new ApiError('BAD_REQUEST', path, `lstat ${path}: not a directory`);
  return { node, path, name: bytePath(splitEntry(path).name) };
}

/** Symlinks are followed also where they lead nowhere: there the file will be. */
function containerDestination(tree: ContainerTree, state: ContainerState, text: string): CopyDestination {
  const path = text.startsWith('/') ? text : `/${text}`;
  const node = tree.lookup(bytePath(path), { follow: true });
  if (node === undefined) {
    const isLink = tree.lookup(bytePath(path))?.stat.type === 'symlink';
    return { path: isLink ? displayPath(tree.resolve(bytePath(path))) : path, found: 'nothing' };
  }
  const { type } = node.stat;
  if (type !== 'directory' && type !== 'file') {
    const message = `destination "${state.name}:${text}" must be a directory or a regular file`;
    throw new ApiError('BAD_REQUEST', text, message);
  }
  return { path: displayPath(node.path), found: type === 'directory' ? 'directory' : 'other' };
}

/** The directory that is written into, resolved. */
function extractionPoint(tree: ContainerTree, state: ContainerState, path: string): string {
  const node = tree.lookup(bytePath(path), { follow: true });
  if (node === undefined) throw notFound(path, state);
  if (node.stat.type !== 'directory')
    throw new ApiError('BAD_REQUEST', path, 'extraction point is not a directory');
  refuseReadOnly(tree, state, node.path);
  return node.path;
}

function refuseReadOnly(tree: ContainerTree, state: ContainerState, path: string): void {
  const mounts = (state.mounts ?? [])
    .filter(({ type }) => type !== 'tmpfs' || isRunning(state))
    .map((mount) => ({ ...mount, at: tree.resolve(bytePath(mount.target)) }))
    .filter(({ at }) => path === at || path.startsWith(`${at}/`));
  const mount = mounts.sort((a, b) => b.at.length - a.at.length)[0];
  if (mount === undefined && state.options.readOnly)
    throw new ApiError('BAD_REQUEST', path, 'container rootfs is marked read-only');
  if (mount?.readonly) throw new ApiError('BAD_REQUEST', path, 'mounted volume is marked read-only');
}

function userOf(tree: ContainerTree, { options, config }: ContainerState) {
  const { uid, gid } = resolveUser(tree, options.user ?? config.User ?? '');
  return { uid, gid };
}

function lookUp(tree: DirectoryTree, entry: string, path: string): FileNode {
  const node = tree.lookup(bytePath(`/${entry}`));
  if (node === undefined) throw new ApiError('BAD_REQUEST', path, `lstat ${path}: no such file or directory`);
  return node;
}

function notFound(path: string, state: ContainerState): ApiError {
  return new ApiError('BAD_REQUEST', path, `Could not find the file ${path} in container ${state.name}`);
}
