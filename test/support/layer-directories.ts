import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as inode from '../../layers/linux/inode.ts';
import { DescriptorPool } from '../../layers/snapshots/descriptor-pool.ts';
import { LayerStack } from '../../layers/snapshots/layer-stack.ts';
import { MergedTree } from '../../layers/snapshots/merged-tree.ts';
import type { MarkSpace } from '../../layers/snapshots/overlay-marks.ts';
import { UpperDirectory } from '../../layers/snapshots/upper-directory.ts';
import { UpperWriter } from '../../layers/snapshots/upper-writer.ts';

/** Layer directories in a folder, made by hand with all their marks. */
export class LayerDirectories {
  readonly pool: DescriptorPool;
  readonly #folder: string;
  readonly #space: MarkSpace;

  constructor(folder: string, space: MarkSpace = 'trusted.overlay.', limit = 64) {
    this.#folder = folder;
    this.#space = space;
    this.pool = new DescriptorPool(limit);
  }

  path(name: string): string {
    const path = join(this.#folder, name);
    mkdirSync(path, { recursive: true, mode: 0o755 });
    return path;
  }

  /** Bottom first. */
  stack(...names: string[]): LayerStack {
    const layers = names.map((name) => ({ directory: () => this.path(name) }));
    return new LayerStack(layers, { space: this.#space, pool: this.pool });
  }

  view(...names: string[]): MergedTree {
    return new MergedTree(this.stack(...names));
  }

  /** A view whose topmost layer may change meanwhile. */
  viewWithUpper(upper: string, ...lower: string[]): MergedTree {
    return new MergedTree(this.stack(...lower), this.#upper(upper));
  }

  writer(upper: string, ...lower: string[]): UpperWriter {
    return new UpperWriter(this.stack(...lower), this.#upper(upper));
  }

  whiteout(path: string): void {
    inode.makeNodeAt(inode.AT_FDCWD, join(this.#folder, path), 'char', 0, 0, 0);
  }

  /** An extended attribute of an entry of a layer, empty for the name alone. */
  mark(path: string, attribute: string, value: string): void {
    const fd = inode.openAt(inode.AT_FDCWD, this.#folder, inode.O.DIRECTORY);
    inode.setXattr(fd, path, attribute, Buffer.from(value));
    inode.close(fd);
  }

  #upper(name: string): UpperDirectory {
    return new UpperDirectory(this.path(name), this.#space, this.pool);
  }
}
