import { existsSync, mkdirSync } from 'node:fs';
import type { LayerInfo } from '../diff/hash-layer.ts';
import { StoreError } from '../errors.ts';
import { clampTimes } from './clamp-times.ts';
import type { DescriptorPool } from './descriptor-pool.ts';
import { bytePath } from './file-tree.ts';
import type { LayerHashers } from './growth.ts';
import { LayerStack } from './layer-stack.ts';
import { MergedTree } from './merged-tree.ts';
import type { OverlayRoot } from './mount.ts';
import { removeStubs } from './mount-stubs.ts';
import type { MarkSpace } from './overlay-marks.ts';
import { removeRedundantMarks } from './redundant-marks.ts';
import type { ActiveSnapshot, Layer } from './snapshotter.ts';
import { UpperDirectory } from './upper-directory.ts';
import { UpperWriter } from './upper-writer.ts';

/** What a snapshot needs of the one that made it. */
export interface SnapshotHost {
  readonly pool: DescriptorPool;
  readonly space: MarkSpace;
  /** Takes over the directory `home`, with the finished layer in `fs`, and its hash when it is being found already. */
  commit(home: string, hash: Promise<LayerInfo> | undefined): Layer;
  /** Who hashes the layer in `fs` as it is told. */
  hashers(home: string): LayerHashers;
  /** Moves a path to the trash; what is not there is fine. */
  discard(path: string): void;
}

/** A snapshot in a directory of its own: `fs` is the upper directory, `work` overlayfs's. */
export class OverlaySnapshot implements ActiveSnapshot {
  readonly parents: readonly Layer[];
  readonly #home: string;
  readonly #host: SnapshotHost;
  readonly #lower: LayerStack;
  #tree: MergedTree | undefined;
  #writer: UpperWriter | undefined;
  #wasMounted = false;
  #isOver = false;

  constructor(home: string, parents: readonly Layer[], host: SnapshotHost) {
    this.#home = home;
    this.parents = parents;
    this.#host = host;
    this.#lower = new LayerStack(parents, host);
  }

  root(): OverlayRoot {
    this.#assertActive();
    this.#writer?.finish();
    this.#wasMounted = true;
    const work = `${this.#home}/work`;
    // What a volatile mount leaves in it forbids the next one.
    if (existsSync(work)) this.#host.discard(work);
    mkdirSync(work, { mode: 0o700 });
    const lower = this.parents.map((layer) => layer.directory());
    return { lower, upper: `${this.#home}/fs`, work, volatile: true };
  }

  tree(): MergedTree {
    this.#assertActive();
    if (this.#tree === undefined) {
      const upper = this.#openUpper();
      upper.look = (directory, name) => this.#writer?.growth.look(directory, name);
      this.#tree = new MergedTree(this.#lower, upper);
    }
    return this.#tree;
  }

  writer(): UpperWriter {
    this.#assertActive();
    this.#writer ??= new UpperWriter(this.#lower, this.#openUpper(), this.#host.hashers(this.#home));
    return this.#writer;
  }

  commit(options: { readonly ignore?: readonly string[]; readonly newestNs?: bigint } = {}): Layer {
    this.#assertActive();
    const { ignore = [], newestNs } = options;
    this.#writer?.finish();
    this.#tidy(ignore);
    const isAsWritten = !this.#wasMounted && ignore.length === 0 && newestNs === undefined;
    const hash = isAsWritten ? this.#writer?.growth.outcome : undefined;
    this.#end();
    if (newestNs !== undefined) clampTimes(`${this.#home}/fs`, newestNs);
    this.#host.discard(`${this.#home}/work`);
    return this.#host.commit(this.#home, hash);
  }

  abort(): void {
    if (this.#isOver) return;
    try {
      this.#writer?.growth.abandon();
      this.#end();
    } finally {
      this.#host.discard(this.#home);
    }
  }

  /** Takes out of the upper directory what is owed to the way it came about. */
  #tidy(ignore: readonly string[]): void {
    const upper = this.#openUpper();
    try {
      removeStubs(upper, this.#lower, ignore.map(bytePath));
      const root = upper.directory('/');
      if (this.#wasMounted && typeof root === 'object')
        removeRedundantMarks(root.fd, this.#lower, this.#host.space);
    } finally {
      upper.forget();
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#tree?.close();
    this.#writer?.tree.close();
    this.#lower.forget();
  }

  #openUpper(): UpperDirectory {
    return new UpperDirectory(`${this.#home}/fs`, this.#host.space, this.#host.pool);
  }

  #assertActive(): void {
    if (this.#isOver)
      throw new StoreError(
        'SYSTEM',
        this.#home,
        `Snapshot "${this.#home}" was committed or thrown away already`,
      );
  }
}
