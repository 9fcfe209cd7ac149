import {
  type ContainerConfig,
  type Digest,
  formatReference,
  type HistoryEntry,
  hostPlatform,
  type ImageConfig,
  type Layer,
  MAX_CONFIG_BYTES,
  parseDigest,
  parseImageConfig,
  parseReference,
  type Store,
} from '../../layers/index.ts';
import { commitImage, nameImage } from '../exporter/image.ts';
import { committedConfig } from '../runtime/committed-config.ts';
import { layersOfContainer, START_STUBS, writtenByContainer } from '../runtime/container-root.ts';
import type { ContainerState } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { whilePaused } from '../runtime/pause-container.ts';
import { configOfChanges } from './changes.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export interface CommitRequest extends StoreLocation {
  /** `REPOSITORY[:TAG]`; without it the image has its id alone. */
  readonly tag?: string;
  readonly author?: string;
  readonly message?: string;
  /** Dockerfile instructions that set metadata. */
  readonly changes?: readonly string[];
  /** Nothing of a running container goes on while its files are copied: true unless told, where the system can. */
  readonly pause?: boolean;
}

/** Makes an image of what a container has written, on top of its own image. Resolves with the new image's id. */
export function commitContainer(name: string, request: CommitRequest = {}): Promise<Digest> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const state = containers.find(name);
    const names = request.tag === undefined ? [] : [formatReference(parseReference(request.tag))];
    const config = await configOfChanges(request.changes ?? [], committedConfig(state));
    const image = await commit(store, state, config, request);
    nameImage(store, names, image.descriptor);
    return image.configDigest;
  });
}

async function commit(store: Store, state: ContainerState, config: ContainerConfig, request: CommitRequest) {
  const base = layersOfContainer(store, state.id);
  const written = await writtenLayer(store, state, request.pause ?? true);
  const created = new Date().toISOString();
  const { author, message } = request;
  const entry: HistoryEntry = {
    created,
    created_by: (state.args.length > 0 ? state.args : (state.config.Cmd ?? [])).join(' '),
    ...(author && { author }),
    ...(message && { comment: message }),
    ...(written === undefined && { empty_layer: true }),
  };
  const before = configOf(store, state.imageId);
  const { os, architecture, variant } = before ?? hostPlatform();
  const version = before?.['os.version'];
  return commitImage(
    store,
    {
      os,
      architecture,
      ...(variant && { variant }),
      ...(version && { 'os.version': version }),
      ...(author && { author }),
      config,
      history: [...(before?.history ?? base.map(() => ({}))), entry],
    },
    written === undefined ? base : [...base, written],
    { created },
  );
}

/** Undefined when it has changed nothing. */
function writtenLayer(store: Store, state: ContainerState, pause: boolean): Promise<Layer | undefined> {
  const written = writtenByContainer(store, state.id);
  return whilePaused(pause ? state : undefined, () => {
    if (written.changes(START_STUBS).length === 0) return undefined;
    return written.copy().commit({ ignore: START_STUBS });
  });
}

/** Of the image that the container was made of; undefined when that is gone. */
function configOf(store: Store, imageId: string): ImageConfig | undefined {
  const digest = parseDigest(imageId);
  if (store.content.info(digest) === undefined) return undefined;
  return parseImageConfig(store.content.readAll(digest, MAX_CONFIG_BYTES));
}
