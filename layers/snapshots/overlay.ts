import { mkdirSync, readdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { hashLayer, type LayerInfo } from '../diff/hash-layer.ts';
import { StoreError } from '../errors.ts';
import type { Lease } from '../gc/lease.ts';
import * as inode from '../linux/inode.ts';
import { algorithmOf, type DiffId, hexOf } from '../oci/digest.ts';
import type { LayerPublisher } from '../unpack.ts';
import { OverlaySnapshot, type SnapshotHost } from './active-snapshot.ts';
import { applyToFd } from './apply-attributes.ts';
import { DescriptorPool } from './descriptor-pool.ts';
import { bytePath } from './file-tree.ts';
import { readLayerRecord, writeLayerRecord } from './layer-record.ts';
import { LayerStack } from './layer-stack.ts';
import { MergedTree } from './merged-tree.ts';
import { type MarkSpace, markSpace } from './overlay-marks.ts';
import type { ActiveSnapshot, DiffInfo, Layer, Snapshotter } from './snapshotter.ts';
import { readXattrs } from './tree-entry.ts';

export interface OverlaySnapshotterOptions {
  /** The store's directory, absolute. */
  readonly root: string;
  readonly lease: Pick<Lease, 'id' | 'hold'>;
  /** What finds the diff IDs of committed snapshots; `hashLayer` of this library unless told. */
  readonly hash?: typeof hashLayer;
}

export type PublishedLayer = Layer & { readonly info: DiffInfo };

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
  readonly #known = new Map<DiffId, PublishedLayer>();
  #names = 0;
  #space: MarkSpace | undefined;

  constructor({ root, lease, hash }: OverlaySnapshotterOptions) {
    this.#root = root;
    this.#lease = lease;
    this.#hash = hash ?? hashLayer;
  }

  layer(diffId: DiffId): PublishedLayer | undefined {
    let layer = this.#known.get(diffId);
    if (layer !== undefined) return layer;
    this.#lease.hold('layer', diffId, () => {
      layer = this.#read(diffId);
      return layer !== undefined;
    });
    if (layer !== undefined) this.#known.set(diffId, layer);
    return layer;
  }

  prepare(parents: readonly Layer[]): ActiveSnapshot {
    const home = this.#makeHome();
    copyRootMetadata(parents.at(-1)?.directory(), `${home}/fs`);
    return new OverlaySnapshot(home, parents, this);
  }

  view(layers: readonly Layer[]): MergedTree {
    return new MergedTree(new LayerStack(layers, this.space, this.pool));
  }

  *list(): Iterable<DiffInfo & { readonly directory: string; readonly disk: number }> {
    for (const algorithm of namesIn(`${this.#root}/layers`)) {
      for (const hex of namesIn(`${this.#root}/layers/${algorithm}`)) {
        const diffId = `${algorithm}:${hex}` as DiffId;
        const record = readLayerRecord(`${this.#home(diffId)}/layer.json`, diffId);
        if (record === undefined) continue;
        yield { diffId, size: record.size, disk: record.disk, directory: `${this.#home(diffId)}/fs` };
      }
    }
  }

  async publish(
    fill: (directory: string) => Promise<DiffInfo & Partial<LayerInfo>>,
  ): Promise<PublishedLayer> {
    const home = this.#makeHome();
    try {
      copyRootMetadata(undefined, `${home}/fs`);
      const info = await fill(`${home}/fs`);
      return this.#publish(home, { entries: 0, disk: info.size, ...info });
    } catch (error) {
      this.discard(home);
      throw error;
    }
  }

  close(): void {
    this.pool.forgetAll();
  }

  get space(): MarkSpace {
    this.#space ??= probeSpace(this.#root);
    return this.#space;
  }

  commit(home: string): Layer {
    let directory: () => string = () => `${home}/fs`;
    const publish = async (): Promise<DiffInfo> => {
      try {
        const published = this.#publish(home, await this.#hash(`${home}/fs`, { overlayXattrs: this.space }));
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

  discard(path: string): void {
    try {
      renameSync(path, `${this.#root}/trash/${this.#lease.id}.${this.#names++}`);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }

  /** Gives a finished layer its place in the store, or finds that it is there. */
  #publish(home: string, info: LayerInfo): PublishedLayer {
    const { diffId } = info;
    writeLayerRecord(`${home}/layer.json`, info);
    let layer: PublishedLayer | undefined;
    this.#lease.hold('layer', diffId, () => {
      layer = this.#read(diffId) ?? this.#move(home, diffId);
      return true;
    });
    this.#known.set(diffId, layer!);
    return layer!;
  }

  #move(home: string, diffId: DiffId): PublishedLayer {
    const target = this.#home(diffId);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    for (let attempt = 0; ; attempt++) {
      try {
        moveLeavingLink(home, target);
        return this.#read(diffId)!;
      } catch (error) {
        if (attempt >= MOST_ATTEMPTS || !(hasCode(error, 'EEXIST') || hasCode(error, 'ENOENT'))) throw error;
        const other = this.#read(diffId);
        if (other !== undefined) return other;
        // Something is there that is no layer: what a loss of power or a kill left of one.
        this.discard(target);
      }
    }
  }

  #read(diffId: DiffId): PublishedLayer | undefined {
    const home = this.#home(diffId);
    const record = readLayerRecord(`${home}/layer.json`, diffId);
    if (record === undefined) return undefined;
    const { size, createdAt } = record;
    const info = { diffId, size, ...(createdAt !== undefined && { createdAt }) };
    return { info, diff: Promise.resolve(info), directory: () => `${home}/fs` };
  }

  #home(diffId: DiffId): string {
    return `${this.#root}/layers/${algorithmOf(diffId)}/${hexOf(diffId)}`;
  }

  /** A private directory with an empty `fs` in it. It goes to the trash with the lease, unless it becomes a layer. */
  #makeHome(): string {
    const home = `${this.#root}/active/${this.#lease.id}.${this.#names++}`;
    mkdirSync(`${this.#root}/trash`, { recursive: true, mode: 0o700 });
    mkdirSync(`${home}/fs`, { recursive: true, mode: 0o700 });
    return home;
  }
}

/** Others who publish the same layer, or take what it begins with for a ruin, can only be in the way a few times. */
const MOST_ATTEMPTS = 10;

/**
 * Moves a directory to a name that must be free (`EEXIST`), and leaves a symlink to it behind. At no instant is there
 * nothing at the old name: a container that is being started may be about to mount it. Throws `ENOENT` when somebody
 * took the new name away meanwhile.
 */
function moveLeavingLink(from: string, to: string): void {
  symlinkSync(relative(dirname(from), to), to);
  const { AT_FDCWD } = inode;
  try {
    inode.exchangeAt(AT_FDCWD, bytePath(from), AT_FDCWD, bytePath(to));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw error;
    // A filesystem that cannot do that, such as NFS.
    unlinkSync(to);
    renameSync(from, to);
    symlinkSync(relative(dirname(from), to), from);
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

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
