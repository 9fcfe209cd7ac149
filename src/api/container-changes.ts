import type { Writable } from 'node:stream';
import { type Change, displayPath } from '../../layers/index.ts';
import { writeTar } from '../exporter/tar.ts';
import { START_STUBS, writtenByContainer } from '../runtime/container-root.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export interface FileChange {
  readonly kind: Change['kind'];
  /** Text for people. */
  readonly path: string;
}

/** What a container has changed in the files of its image, sorted by path; its volumes left out. Throws `NOT_FOUND`. */
export function diffContainer(name: string, location: StoreLocation = {}): Promise<readonly FileChange[]> {
  return withStore(location, async (store) => {
    const { id } = await findContainer(new ContainerStore(store), name);
    const changes = writtenByContainer(store, id).changes(START_STUBS);
    return changes.map(({ kind, path }) => ({ kind, path: displayPath(path) }));
  });
}

/**
 * Writes the files of a container as one tar, its volumes left out, as it is made: memory does not grow with it. A path
 * gets the archive when it is whole, or nothing. Throws `NOT_FOUND`.
 */
export function exportContainer(
  name: string,
  output: string | Writable,
  request: StoreLocation & { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { signal } = request;
  return withStore(request, async (store) => {
    const { id } = await findContainer(new ContainerStore(store), name);
    const tree = writtenByContainer(store, id).tree();
    try {
      await writeTar(tree, output, { changing: true, ...(signal && { signal }) });
    } finally {
      tree.close();
    }
  });
}

async function findContainer(containers: ContainerStore, name: string) {
  await containers.reclaim();
  return containers.find(name);
}
