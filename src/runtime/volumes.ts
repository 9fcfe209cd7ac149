import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../layers/index.ts';
import { RuntimeError } from './errors.ts';
import { NAME_PATTERN } from './names.ts';

export interface Volume {
  readonly name: string;
  /** Absolute: what is mounted. */
  readonly directory: string;
  /** RFC 3339. */
  readonly created: string;
  /** Made for one container without a name: goes with it under `--rm`. */
  readonly anonymous: boolean;
}

/** Name space of the locks under which volumes are made. */
const SPACE = 'volume';

/** Directories that outlive containers, by name. Nothing removes one unasked. */
export class VolumeStore {
  readonly #store: Store;
  readonly #root: string;

  constructor(store: Store) {
    this.#store = store;
    this.#root = join(store.root, 'volumes');
  }

  /** The volume of that name, made when missing; a new one is filled by `fill`, which says whether it made the directory. */
  async ensure(name: string | undefined, fill: (directory: string) => Promise<boolean>): Promise<Volume> {
    const known = name === undefined ? undefined : this.get(name);
    if (known !== undefined) return known;
    const chosen = name ?? randomBytes(32).toString('hex');
    if (!NAME_PATTERN.test(chosen)) {
      throw new RuntimeError(
        'BAD_OPTION',
        chosen,
        `"${chosen}" is not a volume name: use letters, digits, "_", "." and "-", or an absolute path for a bind mount`,
      );
    }
    // Two containers may want the same new volume at once: one makes it, the other waits and finds it.
    return this.#store.records.exclusive(
      SPACE,
      createHash('sha256').update(chosen).digest('hex'),
      async () => {
        return this.get(chosen) ?? (await this.#make(chosen, name === undefined, fill));
      },
    );
  }

  async #make(
    chosen: string,
    anonymous: boolean,
    fill: (directory: string) => Promise<boolean>,
  ): Promise<Volume> {
    const directory = join(this.#root, chosen, '_data');
    mkdirSync(join(this.#root, chosen), { recursive: true, mode: 0o711 });
    if (!existsSync(directory) && !(await fill(directory))) mkdirSync(directory, { mode: 0o755 });
    const volume = {
      name: chosen,
      directory,
      created: new Date().toISOString(),
      anonymous,
    };
    writeFileSync(join(this.#root, chosen, 'volume.json'), JSON.stringify(volume));
    return volume;
  }

  get(name: string): Volume | undefined {
    if (!NAME_PATTERN.test(name)) return undefined;
    try {
      return JSON.parse(readFileSync(join(this.#root, name, 'volume.json'), 'utf8')) as Volume;
    } catch {
      return undefined;
    }
  }

  list(): readonly Volume[] {
    if (!existsSync(this.#root)) return [];
    return readdirSync(this.#root).flatMap((name) => this.get(name) ?? []);
  }

  /** To the trash, which is emptied by descriptor: what lies in a volume may be deeper than any path can name. */
  remove(name: string): void {
    if (this.get(name) === undefined) return;
    const trash = join(this.#store.root, 'trash', `volume.${randomBytes(8).toString('hex')}`);
    renameSync(join(this.#root, name), trash);
  }
}
