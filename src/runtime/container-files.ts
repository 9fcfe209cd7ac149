import { closeSync, constants, existsSync, openSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  bytePath,
  directoryWriter,
  type FileNode,
  type FileTree,
  type MountedPart,
  MountedTree,
  MountedWriter,
  type Store,
  type TreeWriter,
} from '../../layers/index.ts';
import { writtenByContainer } from './container-root.ts';
import { type ContainerState, isRunning, type MountState } from './container-state.ts';
import { ContainerStore } from './container-store.ts';
import { RuntimeError } from './errors.ts';
import { isAlive } from './process-identity.ts';

/** A tree in which symlinks can be followed as far as they lead. */
export type ContainerTree = FileTree & { resolve(path: string): string };

/** The files of a container as its processes see them, its volumes and binds too. Nothing in them leads outside. */
export interface ContainerFiles {
  readonly tree: ContainerTree;
  writer(): TreeWriter;
  /** Gives back what is held. Idempotent. */
  close(): void;
}

/**
 * Opens the files of a container. Of one that runs, through the root of its first process, by descriptor; of another,
 * which nobody can start meanwhile, as its image's layers, what it has written and its mounts, without mounting any.
 */
export async function openContainerFiles(store: Store, state: ContainerState): Promise<ContainerFiles> {
  const containers = new ContainerStore(store);
  for (let attempt = 0; ; attempt++) {
    const now = containers.get(state.id);
    if (now === undefined) throw new RuntimeError('NOT_FOUND', state.id, `No such container: ${state.id}`);
    const found = isRunning(now) ? openRunning(now) : openStopped(store, containers, now);
    if (found !== undefined) return found;
    // It was just started, or has just ended.
    if (attempt === 100)
      throw new RuntimeError('CONFLICT', state.name, `Container ${state.name} is starting: try again`);
    await delay(20);
  }
}

/** Undefined when it has ended. */
function openRunning({ process: init }: ContainerState): ContainerFiles | undefined {
  if (init === undefined) return undefined;
  let root: number;
  try {
    root = openSync(`/proc/${init.pid}/root/.`, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
  if (!isAlive(init)) {
    closeSync(root);
    return undefined;
  }
  const writer = directoryWriter(`/proc/self/fd/${root}`);
  closeSync(root);
  return { tree: withoutKernelFiles(writer.tree), writer: () => writer, close: once(() => writer.close()) };
}

/** What the kernel shows there is no content of the container: as in Docker these are empty, unless they are named. */
const KERNEL_DIRECTORIES = new Set(['/dev', '/proc', '/sys']);

function withoutKernelFiles(tree: ContainerTree): ContainerTree {
  return {
    lookup: (path, options) => tree.lookup(path, options),
    resolve: (path) => tree.resolve(path),
    children: (node: FileNode) => (KERNEL_DIRECTORIES.has(node.path) ? [] : tree.children(node)),
    readlink: (node) => tree.readlink(node),
    open: (node) => tree.open(node),
    xattrs: (node, fd) => tree.xattrs(node, fd),
  };
}

/** Undefined when somebody looks after it, who will start it or has just done. */
function openStopped(
  store: Store,
  containers: ContainerStore,
  state: ContainerState,
): ContainerFiles | undefined {
  const owned = containers.tryOwn(state);
  if (owned === undefined) return undefined;
  const parts: { close(): void }[] = [];
  const close = once(() => {
    for (const part of parts) part.close();
    owned.release();
  });
  try {
    containers.makeWritable(state.id);
    const written = writtenByContainer(store, state.id);
    const base = written.tree();
    parts.push(base);
    const mounts = (state.mounts ?? []).flatMap((mount) => {
      const part = partOf(mount);
      if (part === undefined) return [];
      parts.push(part);
      return [part.part];
    });
    const tree = new MountedTree({ tree: base, writer: () => written.writer() }, mounts);
    const writer = new MountedWriter(tree);
    return { tree, writer: () => writer, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Undefined for a tmpfs, which ends with the container, and for what is not there any more. */
function partOf({
  source,
  subpath,
  target,
}: MountState): { readonly part: MountedPart; close(): void } | undefined {
  if (source === undefined || !existsSync(source)) return undefined;
  const isDirectory = statSync(source).isDirectory();
  const writer = directoryWriter(isDirectory ? source : dirname(source));
  const part: MountedPart = {
    target: bytePath(target),
    tree: writer.tree,
    source: isDirectory
      ? writer.tree.resolve(bytePath(`/${subpath ?? ''}`))
      : bytePath(`/${basename(source)}`),
    writer: () => writer,
  };
  return { part, close: () => writer.close() };
}

function once(body: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) body();
    isDone = true;
  };
}
