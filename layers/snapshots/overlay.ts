import { mkdirSync, renameSync } from 'node:fs';
import { followHere, followLayer, hashLayer, type LayerInfo } from '../diff/hash-layer.ts';
import { StoreError } from '../errors.ts';
import type { Lease } from '../gc/lease.ts';
import { ifPresent } from '../linux/if-present.ts';
import * as inode from '../linux/inode.ts';
import type { DiffId } from '../oci/digest.ts';
import type { LayerPublisher } from '../unpack.ts';
import { OverlaySnapshot, type SnapshotHost } from './active-snapshot.ts';
import { applyToFd } from './apply-attributes.ts';
import { clampTimes, hasNewer } from './clamp-times.ts';
import { DescriptorPool } from './descriptor-pool.ts';
import { bytePath } from './file-tree.ts';
import type { LayerHashers } from './growth.ts';
import { LayerStack } from './layer-stack.ts';
import { MergedTree } from './merged-tree.ts';
import { type MarkSpace, markSpace } from './overlay-marks.ts';
import { type PublishedLayer, PublishedLayers } from './published-layers.ts';
import type { ActiveSnapshot, DiffInfo, Layer, Snapshotter } from './snapshotter.ts';
import { readXattrs } from './tree-entry.ts';
import { type WrittenState, writtenState } from './written-state.ts';

export interface OverlaySnapshotterOptions {
  /** The store's directory, absolute. */
  readonly root: string;
  readonly lease: Pick<Lease, 'id' | 'hold'>;
  /** What finds the diff IDs of committed snapshots; `hashLayer` of this library unless told. */
  readonly hash?: typeof hashLayer;
  /** What finds them while a layer is written; `followLayer` of this library unless told. */
  readonly follow?: typeof followLayer;
}

export interface OverlaySnapshotter extends Snapshotter, LayerPublisher {
  /** Prefix of overlayfs's own attributes in the layers. */
  readonly space: MarkSpace;
  /**
   * Brings in a layer from outside: `fill` unpacks it into an empty directory, as an upper directory, and says what it
   * was. When it throws, nothing is left. When the layer is there already, the one that is there is answered.
   */
  publish(fill: (directory: string) => Promise<DiffInfo & Partial<LayerInfo>>): Promise<PublishedLayer>;
  /** Closes the descriptors of all trees. */
  close(): void;
}

/** Filesystem states as upper directories of overlayfs, on any filesystem that can hold them. docs/store-layout.md. */
export function overlaySnapshotter(options: OverlaySnapshotterOptions): OverlaySnapshotter {
  return new Overlay(options);
}

class Overlay implements OverlaySnapshotter, SnapshotHost {
  readonly pool = new DescriptorPool();
  readonly #root: string;
  readonly #lease: Pick<Lease, 'id' | 'hold'>;
  readonly #hash: typeof hashLayer;
  readonly #follow: typeof followLayer;
  readonly #published: PublishedLayers;
  #names = 0;
  #space: MarkSpace | undefined;

  constructor({ root, lease, hash, follow }: OverlaySnapshotterOptions) {
    this.#root = root;
    this.#lease = lease;
    this.#hash = hash ?? hashLayer;
    this.#follow = follow ?? followLayer;
    this.#published = new PublishedLayers(root, lease, (path) => this.discard(path));
  }

  layer(diffId: DiffId): PublishedLayer | undefined {
    return this.#published.get(diffId);
  }

  prepare(parents: readonly Layer[]): ActiveSnapshot {
    const home = this.#makeHome();
    copyRootMetadata(parents.at(-1)?.directory(), `${home}/fs`);
    return new OverlaySnapshot(home, parents, this);
  }

  async notNewerThan(layer: Layer, newestNs: bigint): Promise<Layer> {
    await layer.diff;
    if (!hasNewer(layer.directory(), newestNs)) return layer;
    const [{ applyLayer }, { openLayerTar }] = await Promise.all([
      import('../diff/apply.ts'),
      import('../diff/layer-stream.ts'),
    ]);
    const options = { overlayXattrs: this.space };
    return await this.publish(async (directory) => {
      await applyLayer(openLayerTar(layer.directory(), options), directory, options);
      clampTimes(directory, newestNs);
      return await this.#hash(directory, options);
    });
  }

  view(layers: readonly Layer[]): MergedTree {
    return new MergedTree(new LayerStack(layers, this));
  }

  written(parents: readonly Layer[], upper: string): WrittenState {
    const { space, pool } = this;
    return writtenState(parents, upper, { space, pool, prepare: () => this.prepare(parents) });
  }

  list(): Iterable<DiffInfo & { readonly directory: string; readonly disk: number }> {
    return this.#published.list();
  }

  async publish(
    fill: (directory: string) => Promise<DiffInfo & Partial<LayerInfo>>,
  ): Promise<PublishedLayer> {
    const home = this.#makeHome();
    try {
      copyRootMetadata(undefined, `${home}/fs`);
      const info = await fill(`${home}/fs`);
      return this.#published.add(home, { entries: 0, disk: info.size, ...info });
    } finally {
      this.discard(home);
    }
  }

  close(): void {
    this.pool.forgetAll();
  }

  get space(): MarkSpace {
    this.#space ??= probeSpace(this.#root);
    return this.#space;
  }

  commit(home: string, hash: Promise<LayerInfo> | undefined): Layer {
    let directory: () => string = () => `${home}/fs`;
    const publish = async (): Promise<DiffInfo> => {
      try {
        const published = this.#published.add(
          home,
          await (hash ?? this.#hash(`${home}/fs`, { overlayXattrs: this.space })),
        );
        directory = () => published.directory();
        return published.info;
      } catch (cause) {
        directory = () => {
          throw new StoreError('SYSTEM', home, 'Cannot use a layer that could not be hashed', { cause });
        };
        this.discard(home);
        throw cause;
      }
    };
    const diff = publish();
    // Whoever needs the diff ID hears of the failure; nobody has to.
    diff.catch(() => {});
    return { diff, directory: () => directory() };
  }

  hashers(home: string): LayerHashers {
    const directory = `${home}/fs`;
    const options = { overlayXattrs: this.space };
    return {
      beside: () => this.#follow(directory, options),
      here: () => followHere(directory, options),
    };
  }

  discard(path: string): void {
    ifPresent(() => renameSync(path, `${this.#root}/trash/${this.#lease.id}.${this.#names++}`));
  }

  /** A private directory with an empty `fs` in it. It goes to the trash with the lease, unless it becomes a layer. */
  #makeHome(): string {
    const home = `${this.#root}/active/${this.#lease.id}.${this.#names++}`;
    mkdirSync(`${this.#root}/trash`, { recursive: true, mode: 0o700 });
    mkdirSync(`${home}/fs`, { recursive: true, mode: 0o700 });
    return home;
  }
}

/** A mounted overlay shows its upper directory's owner, mode and time as those of the root. */
function copyRootMetadata(from: string | undefined, to: string): void {
  const target = inode.openAt(inode.AT_FDCWD, bytePath(to), inode.O.RDONLY | inode.O.DIRECTORY);
  try {
    if (from === undefined) {
      inode.chmodFd(target, 0o755);
      return;
    }
    const source = inode.openAt(inode.AT_FDCWD, bytePath(from), inode.O.PATH | inode.O.DIRECTORY);
    try {
      const { mode, uid, gid, mtimeNs } = inode.statFd(source);
      applyToFd(target, { mode, uid, gid, xattrs: readXattrs(source, '') });
      inode.setTimesFd(target, mtimeNs);
    } finally {
      inode.close(source);
    }
  } finally {
    inode.close(target);
  }
}

function probeSpace(root: string): MarkSpace {
  const fd = inode.openAt(inode.AT_FDCWD, `${bytePath(root)}/.`, inode.O.RDONLY | inode.O.DIRECTORY);
  try {
    return markSpace(fd);
  } finally {
    inode.close(fd);
  }
}
