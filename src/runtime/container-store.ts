import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  cannotWrite,
  type DiffId,
  lockFile,
  type OverlayRoot,
  type Store,
  tryLockFile,
  unlockFile,
} from '../../layers/index.ts';
import { type ContainerState, isInUse, isRunning, isUnstarted } from './container-state.ts';
import { RuntimeError } from './errors.ts';
import { noteEvent } from './events.ts';
import { newContainerName } from './names.ts';
import { killProcess } from './process-identity.ts';
import { VolumeStore } from './volumes.ts';

const SPACE = 'container';

/** Fields to set; those that are undefined are taken away. */
export type ContainerChange = { readonly [K in keyof ContainerState]?: ContainerState[K] | undefined };

/** A new container, before it has a name. */
export type NewContainer = Omit<ContainerState, 'name'> & { readonly name?: string };

/** A container that this process looks after. */
export interface OwnedContainer {
  readonly id: string;
  readonly name: string;
  /** What is locked: a process that has it too looks after the container as well. */
  readonly fd: number;
  /** From here on, if it has not ended, the container counts as abandoned. Idempotent. */
  release(): void;
}

/**
 * Containers of a store: one record each, which keeps their layers, and a directory for what they write. The directory
 * holds a file that the owner has locked: the kernel unlocks it however the owner ends, so anybody can tell.
 */
export class ContainerStore {
  /** What has become of containers, and could not be written: true as long as this process knows it. */
  readonly #unwritten = new Map<string, ContainerState>();

  constructor(readonly store: Store) {}

  /** Registers a new container, which this process looks after. Throws `CONFLICT` when the name is taken. */
  create(container: NewContainer, layers: readonly DiffId[]): Promise<OwnedContainer> {
    return this.store.records.exclusive(SPACE, 'names', async () => {
      const known = this.list();
      const all = this.#reclaimAbandoned(known) ? this.list() : known;
      const name = container.name ?? newContainerName(new Set(all.map((state) => state.name)));
      const taken = all.find((state) => state.name === name);
      if (taken !== undefined) throw nameTaken(name, taken.id);
      const owned = this.#own(container.id, name);
      try {
        this.store.records.set(SPACE, container.id, { layers, value: { ...container, name } });
      } catch (error) {
        owned.release();
        throw error;
      }
      return owned;
    });
  }

  /** Takes over a container that nobody looks after; undefined when somebody does, or it is gone. */
  tryOwn({ id, name }: Pick<ContainerState, 'id' | 'name'>): OwnedContainer | undefined {
    const fd = openIfThere(this.#ownerFile(id), constants.O_RDWR);
    if (fd === undefined) return undefined;
    for (;;) {
      if (tryLockFile(fd, 'exclusive')) return owned(id, name, fd);
      // Those who are just looking share it with each other, and are gone in a moment.
      if (tryLockFile(fd, 'shared')) {
        unlockFile(fd);
        continue;
      }
      closeSync(fd);
      return undefined;
    }
  }

  /** Looks after a container whose owner has handed over its descriptor. */
  adopt({ id, name }: Pick<ContainerState, 'id' | 'name'>, fd: number): OwnedContainer {
    return owned(id, name, fd);
  }

  /** The diff IDs of its image, bottom first. */
  layersOf(id: string): readonly DiffId[] {
    return this.read(id)?.layers ?? [];
  }

  get(id: string): ContainerState | undefined {
    return this.read(id)?.state;
  }

  /** Its state, and the diff IDs of its image, bottom first. */
  read(id: string): { readonly state: ContainerState; readonly layers: readonly DiffId[] } | undefined {
    const record = this.store.records.get(SPACE, id);
    if (record === undefined) return undefined;
    const { layers = [], value } = record;
    return { state: this.#unwritten.get(id) ?? (value as ContainerState), layers };
  }

  /** Throws `CONFLICT` when the name is taken. */
  rename(id: string, name: string): Promise<void> {
    return this.store.records.exclusive(SPACE, 'names', async () => {
      const taken = this.list().find((state) => state.name === name);
      if (taken !== undefined) throw nameTaken(name, taken.id);
      const oldName = this.get(id)?.name ?? '';
      await this.update(id, { name });
      this.note(id, 'rename', { oldName: `/${oldName}` });
    });
  }

  /** Nothing when the container has been removed meanwhile. */
  update(id: string, change: ContainerChange): Promise<void> {
    return this.store.records.exclusive(SPACE, id, async () => this.#change(id, change));
  }

  /** As `update`, if it still runs as it did when `state` was read: what it has become since is not overwritten. */
  updateSameRun(state: ContainerState, change: ContainerChange): Promise<boolean> {
    const { id, startedAt } = state;
    return this.store.records.exclusive(SPACE, id, async () => {
      const now = this.get(id);
      const isSame = now !== undefined && isRunning(now) && now.startedAt === startedAt;
      if (isSame) this.#change(id, change);
      return isSame;
    });
  }

  /** As `update`, where nothing can be written any more too: what ends, ends, and room has to be made somehow. */
  async updateIfWritable(id: string, change: ContainerChange): Promise<void> {
    try {
      await this.update(id, change);
    } catch (error) {
      this.#remember(id, change, error);
    }
  }

  list(): readonly ContainerState[] {
    return [...this.store.records.list(SPACE)].map(
      ({ key, record }) => this.#unwritten.get(key) ?? (record.value as ContainerState),
    );
  }

  /** By id, name (also as inspection has it, with a slash), or unambiguous prefix of the id. Throws `NOT_FOUND`. */
  find(text: string): ContainerState {
    const all = this.list();
    const exact =
      all.find(({ id }) => id === text) ?? all.find(({ name }) => name === text.replace(/^\//, ''));
    const matches = exact ? [exact] : text === '' ? [] : all.filter(({ id }) => id.startsWith(text));
    if (matches.length === 1) return matches[0]!;
    throw new RuntimeError(
      'NOT_FOUND',
      text,
      matches.length === 0
        ? `No such container: ${text}`
        : `Multiple containers match the id prefix "${text}": write more of it`,
    );
  }

  /** Notes what has happened to a container, for those who watch. */
  note(id: string, action: string, attributes: Readonly<Record<string, string>> = {}): void {
    const state = this.get(id);
    if (state !== undefined) noteEvent(this.store.root, state, action, attributes);
  }

  /** Where a container's files are, its log among them. */
  directoryOf(id: string): string {
    return this.#directory(id);
  }

  /** The directories that a container writes to; made at its first start. */
  makeWritable(id: string): Required<Pick<OverlayRoot, 'upper' | 'work'>> {
    const upper = join(this.#directory(id), 'fs');
    const work = join(this.#directory(id), 'work');
    // What overlayfs keeps there is of one mount alone, and a volatile one leaves a mark that keeps others out.
    if (existsSync(work)) rmSync(work, { recursive: true });
    mkdirSync(work, { mode: 0o755 });
    if (existsSync(upper)) return { upper, work };
    mkdirSync(upper, { mode: 0o755 });
    // By which programs tell that they are in a container. Nothing of the image is in there yet.
    writeFileSync(join(upper, '.dockerenv'), '', { mode: 0o755, flag: 'wx' });
    return { upper, work };
  }

  /** Ids of the containers that use a volume, or are about to. */
  usersOfVolume(volume: string): readonly string[] {
    return this.list()
      .filter(({ mounts = [], plannedMounts = [] }) =>
        [...mounts, ...plannedMounts].some((mount) => 'name' in mount && mount.name === volume),
      )
      .map(({ id }) => id);
  }

  /** The container and all that it has written; its files are deleted when the store is closed. */
  remove(state: ContainerState, options: { readonly volumes: boolean }): void {
    if (options.volumes) this.#removeVolumes(state);
    this.store.records.delete(SPACE, state.id);
    this.#discard(state.id);
    if (state.status !== 'creating') noteEvent(this.store.root, state, 'destroy');
  }

  /**
   * Tidies up after owners that are gone: their containers are killed where they still run, then `--rm` ones are
   * removed, and others have exited.
   */
  async reclaim(): Promise<void> {
    if (this.#abandoned(this.list()).length === 0) return;
    // Between making its directory and locking it a new container looks abandoned, unless nobody makes one now.
    await this.store.records.exclusive(SPACE, 'names', async () => this.#reclaimAbandoned(this.list()));
  }

  /** Answers whether there were any. */
  #reclaimAbandoned(known: readonly ContainerState[]): boolean {
    const abandoned = this.#abandoned(known);
    for (const { id, state } of abandoned) {
      if (state?.process !== undefined) {
        killProcess(state.process);
        noteEvent(this.store.root, state, 'die', { exitCode: '137' });
      }
      if (state === undefined) this.#discard(id);
      else if (state.remove || isUnstarted(state)) this.remove(state, { volumes: true });
      else this.#changeIfWritable(id, abandonedAt(new Date()));
    }
    return abandoned.length > 0;
  }

  /** Ids that nobody looks after any more, though they have not ended; without state when only the directory was made. */
  #abandoned(
    known: readonly ContainerState[],
  ): readonly { readonly id: string; readonly state: ContainerState | undefined }[] {
    const states = new Map(known.map((state) => [state.id, state]));
    const directories = readdirIfThere(join(this.store.root, 'containers'));
    return [...new Set([...directories, ...states.keys()])]
      .map((id) => ({ id, state: states.get(id) }))
      .filter(
        ({ id, state }) => (state === undefined || isInUse(state) || isUnstarted(state)) && !this.isOwned(id),
      );
  }

  #own(id: string, name: string): OwnedContainer {
    mkdirSync(this.#directory(id), { recursive: true, mode: 0o711 });
    const fd = openSync(this.#ownerFile(id), constants.O_RDWR | constants.O_CREAT, 0o600);
    // Waits for nobody but those who are just looking.
    lockFile(fd, 'exclusive');
    return owned(id, name, fd);
  }

  /** Whether nothing is left of it, as of one with `--rm` that has ended. */
  isGone(id: string): boolean {
    return this.get(id) === undefined && !this.isOwned(id);
  }

  /** Whether somebody looks after it, or is just taking it away. */
  isOwned(id: string): boolean {
    const fd = openIfThere(this.#ownerFile(id), constants.O_RDONLY);
    if (fd === undefined) return false;
    try {
      return !tryLockFile(fd, 'shared');
    } finally {
      closeSync(fd);
    }
  }

  #change(id: string, change: ContainerChange): void {
    const record = this.store.records.get(SPACE, id);
    if (record === undefined) return;
    const value = { ...(this.#unwritten.get(id) ?? (record.value as ContainerState)), ...change };
    this.store.records.set(SPACE, id, { ...record, value });
    this.#unwritten.delete(id);
  }

  #changeIfWritable(id: string, change: ContainerChange): void {
    try {
      this.#change(id, change);
    } catch (error) {
      this.#remember(id, change, error);
    }
  }

  #remember(id: string, change: ContainerChange, error: unknown): void {
    if (!cannotWrite(error)) throw error;
    const state = this.get(id);
    // What is taken away is undefined there.
    if (state !== undefined) this.#unwritten.set(id, { ...state, ...change } as ContainerState);
  }

  /** Those that other containers have too (`--volumes-from`) stay. */
  #removeVolumes({ id, mounts = [] }: ContainerState): void {
    const volumes = new VolumeStore(this.store);
    for (const { name, anonymous } of mounts) {
      if (name === undefined || !anonymous) continue;
      if (this.usersOfVolume(name).every((user) => user === id)) volumes.remove(name);
    }
  }

  #discard(id: string): void {
    const trash = join(this.store.root, 'trash', `container.${id}`);
    try {
      renameSync(this.#directory(id), trash);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'ENOTEMPTY') throw error;
      rmSync(this.#directory(id), { recursive: true, force: true });
    }
  }

  #directory(id: string): string {
    return join(this.store.root, 'containers', id);
  }

  #ownerFile(id: string): string {
    return join(this.#directory(id), 'owner');
  }
}

function owned(id: string, name: string, fd: number): OwnedContainer {
  let open = true;
  const release = () => {
    if (open) closeSync(fd);
    open = false;
  };
  return { id, name, fd, release };
}

/** Killed with its owner, as far as anybody knows. */
function abandonedAt(time: Date): ContainerChange {
  return {
    status: 'exited',
    exitCode: 137,
    finishedAt: time.toISOString(),
    process: undefined,
    owner: undefined,
  };
}

function openIfThere(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function nameTaken(name: string, id: string): RuntimeError {
  return new RuntimeError(
    'CONFLICT',
    name,
    `Conflict. The container name "/${name}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

function readdirIfThere(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
