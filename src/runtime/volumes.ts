import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createHash, randomBytes, type Store } from '../../layers/index.ts';
import { RuntimeError } from './errors.ts';
import { NAME_PATTERN } from './names.ts';
import { checkVolumeOptions } from './volume-mount.ts';

export interface Volume {
  readonly name: string;
  /** Absolute: what is mounted. */
  readonly directory: string;
  /** RFC 3339. */
  readonly created: string;
  /** Made for one container without a name: goes with it under `--rm`. */
  readonly anonymous: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** Given when it was made: `type`, `device`, `o`. */
  readonly options?: Readonly<Record<string, string>>;
}

/** Makes the (missing) directory a copy of what a volume begins with; false when that is nothing. */
export type FillVolume = (directory: string) => Promise<boolean>;

export interface EnsureOptions {
  /** Undefined: a new anonymous volume. */
  readonly name?: string | undefined;
  /** Of a new one: it is made for one container. Default: whether it has no name. */
  readonly anonymous?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  /** Asked when the volume is empty. */
  readonly fill?: FillVolume;
}

/** Directories that outlive containers, by name. Nothing removes one that has a name unasked. */
export class VolumeStore {
  readonly #root: string;

  constructor(readonly store: Store) {
    this.#root = join(store.root, 'volumes');
  }

  /** The volume of that name, made when missing; an empty one is filled. */
  async ensure(options: EnsureOptions): Promise<Volume> {
    const { name = newVolumeName(), anonymous = options.name === undefined, fill } = options;
    if (!NAME_PATTERN.test(name)) {
      throw new RuntimeError(
        'BAD_OPTION',
        name,
        `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
      );
    }
    return this.store.records.exclusive('volume', lockKey(name), async () => {
      const volume = this.get(name) ?? this.#make(name, anonymous, options);
      if (fill !== undefined && volume.options === undefined) await this.#fillEmpty(name, fill);
      return volume;
    });
  }

  get(name: string): Volume | undefined {
    if (!NAME_PATTERN.test(name)) return undefined;
    try {
      const volume = JSON.parse(readFileSync(join(this.#root, name, 'volume.json'), 'utf8')) as Volume;
      return { ...volume, directory: this.#directory(name) };
    } catch {
      return undefined;
    }
  }

  list(): readonly Volume[] {
    return namesIn(this.#root)
      .flatMap((name) => this.get(name) ?? [])
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * {@link remove}, unless somebody uses it, asked while nobody can begin to. Resolves with the answer of `users`: it
   * was removed when that is empty.
   */
  removeUnused(name: string, users: () => readonly string[]): Promise<readonly string[]> {
    return this.store.records.exclusive('volume', lockKey(name), async () => {
      const found = users();
      if (found.length === 0) this.remove(name);
      return found;
    });
  }

  /** Its files are deleted when the store is closed. */
  remove(name: string): void {
    if (NAME_PATTERN.test(name)) this.#discard(join(this.#root, name));
  }

  /** The description comes last: without it there is no volume. */
  #make(name: string, anonymous: boolean, { labels, options }: EnsureOptions): Volume {
    if (options !== undefined) checkVolumeOptions(name, options);
    const directory = this.#directory(name);
    // Containers of other users get no further than through a mount, but must get through that.
    mkdirSync(join(this.#root, name), { recursive: true, mode: 0o711 });
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    const volume = {
      name,
      directory,
      created: new Date().toISOString(),
      anonymous,
      ...(labels && Object.keys(labels).length > 0 && { labels }),
      ...(options && Object.keys(options).length > 0 && { options }),
    };
    writeFileSync(join(this.#root, name, 'volume.json'), JSON.stringify(volume), { mode: 0o600 });
    return volume;
  }

  /** The directory itself stays, since containers may have it mounted. */
  async #fillEmpty(name: string, fill: FillVolume): Promise<void> {
    const directory = this.#directory(name);
    if (readdirSync(directory).length > 0) return;
    const filled = join(this.#root, name, 'filling');
    // What a killed process left.
    this.#discard(filled);
    if (!(await fill(filled))) return;
    const { uid, gid, mode } = statSync(filled);
    for (const entry of readdirSync(filled, { encoding: 'buffer' })) {
      const inside = (parent: string) => Buffer.concat([Buffer.from(`${parent}/`), entry]);
      renameSync(inside(filled), inside(directory));
    }
    rmdirSync(filled);
    chownSync(directory, uid, gid);
    chmodSync(directory, mode & 0o7777);
  }

  #discard(path: string): void {
    const trash = join(this.store.root, 'trash', `volume.${randomBytes(16).toString('hex')}`);
    try {
      renameSync(path, trash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  #directory(name: string): string {
    return join(this.#root, name, '_data');
  }
}

/** As Docker names a volume that nobody has named. */
export function newVolumeName(): string {
  return randomBytes(32).toString('hex');
}

/** Names of volumes may differ in case alone, and be longer than a lock's. */
function lockKey(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
