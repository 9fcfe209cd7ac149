import { mkdirSync, readdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import type { LayerInfo } from '../diff/hash-layer.ts';
import type { Lease } from '../gc/lease.ts';
import { ifPresent } from '../linux/if-present.ts';
import * as inode from '../linux/inode.ts';
import { algorithmOf, type DiffId, hexOf } from '../oci/digest.ts';
import { bytePath } from './file-tree.ts';
import { readLayerRecord, writeLayerRecord } from './layer-record.ts';
import type { DiffInfo, Layer } from './snapshotter.ts';

export type PublishedLayer = Layer & { readonly info: DiffInfo };

/** The layers of a store by their diff IDs: `layers/<algorithm>/<hex>` with `fs` and `layer.json`. */
export class PublishedLayers {
  readonly #root: string;
  readonly #lease: Pick<Lease, 'hold'>;
  readonly #discard: (path: string) => void;
  /** Those that are held. */
  readonly #known = new Map<DiffId, PublishedLayer>();

  /** `discard` moves a path out of the way. */
  constructor(root: string, lease: Pick<Lease, 'hold'>, discard: (path: string) => void) {
    this.#root = `${root}/layers`;
    this.#lease = lease;
    this.#discard = discard;
  }

  /** Undefined when it is not there; held when it is. */
  get(diffId: DiffId): PublishedLayer | undefined {
    let layer = this.#known.get(diffId);
    if (layer !== undefined) return layer;
    this.#lease.hold('layer', diffId, () => {
      layer = this.#read(diffId);
      return layer !== undefined;
    });
    if (layer !== undefined) this.#known.set(diffId, layer);
    return layer;
  }

  *list(): Iterable<DiffInfo & { readonly directory: string; readonly disk: number }> {
    for (const algorithm of namesIn(this.#root)) {
      for (const hex of namesIn(`${this.#root}/${algorithm}`)) {
        const diffId = `${algorithm}:${hex}` as DiffId;
        const record = readLayerRecord(`${this.#home(diffId)}/layer.json`, diffId);
        if (record === undefined) continue;
        yield { diffId, size: record.size, disk: record.disk, directory: `${this.#home(diffId)}/fs` };
      }
    }
  }

  /**
   * Gives a finished layer, in the `fs` of a private directory, its place, unless it is there already. In the first
   * case a symlink is left at the old place, in the second the private directory stays.
   */
  add(home: string, info: LayerInfo): PublishedLayer {
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
        this.#discard(target);
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
    return `${this.#root}/${algorithmOf(diffId)}/${hexOf(diffId)}`;
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

function namesIn(directory: string): string[] {
  return ifPresent(() => readdirSync(directory))?.sort() ?? [];
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
