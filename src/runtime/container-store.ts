import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type DiffId, lockFile, type OverlayRoot, type Store, tryLockFile } from '../../layers/index.ts';
import type { ContainerState } from './container-state.ts';
import { RuntimeError } from './errors.ts';
import { newContainerName } from './names.ts';
import { killProcess } from './process-identity.ts';
import { VolumeStore } from './volumes.ts';

const SPACE = 'container';

/** A new container, before it has a name. */
export type NewContainer = Omit<ContainerState, 'name'> & { readonly name?: string };

/** A container that this process looks after. */
export interface OwnedContainer {
  readonly name: string;
  /** From here on the container counts as abandoned. */
  release(): void;
}

/**
 * Containers of a store: one record each, which keeps their layers, and a directory for what they write. The directory
 * holds a file that the owner has locked: the kernel unlocks it however the owner ends, so anybody can tell.
 */
export class ContainerStore {
  constructor(readonly store: Store) {}

  /** Registers a new container, which this process looks after. Throws `CONFLICT` when the name is taken. */
  create(container: NewContainer, layers: readonly DiffId[]): Promise<OwnedContainer> {
    return this.store.records.exclusive(SPACE, 'names', async () => {
      this.#reclaimAbandoned();
      const all = this.list();
      const name = container.name ?? newContainerName(new Set(all.map((state) => state.name)));
      const taken = all.find((state) => state.name === name);
      if (taken !== undefined) throw nameTaken(name, taken.id);
      const release = this.#own(container.id);
      try {
        this.store.records.set(SPACE, container.id, { layers, value: { ...container, name } });
      } catch (error) {
        release();
        throw error;
      }
      return { name, release };
    });
  }

  /** Nothing when the container has been removed meanwhile. */
  update(id: string, change: Partial<ContainerState>): Promise<void> {
    return this.store.records.exclusive(SPACE, id, async () => this.#change(id, change));
  }

  list(): readonly ContainerState[] {
    return [...this.store.records.list(SPACE)].map(({ record }) => record.value as ContainerState);
  }

  /** By id, unambiguous prefix of it, or name. Throws `NOT_FOUND`. */
  find(text: string): ContainerState {
    const all = this.list();
    const exact = all.find(({ id, name }) => id === text || name === text);
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

  /** Makes the directories that a container writes to. */
  makeWritable(id: string): Required<Pick<OverlayRoot, 'upper' | 'work'>> {
    const upper = join(this.#directory(id), 'fs');
    const work = join(this.#directory(id), 'work');
    for (const path of [upper, work]) mkdirSync(path, { mode: 0o755 });
    // By which programs tell that they are in a container. Nothing of the image is in there yet.
    writeFileSync(join(upper, '.dockerenv'), '', { mode: 0o755, flag: 'wx' });
    return { upper, work };
  }

  /** The container and all that it has written; its files are deleted when the store is closed. */
  remove(state: ContainerState, options: { readonly volumes: boolean }): void {
    if (options.volumes) this.#removeVolumes(state);
    this.store.records.delete(SPACE, state.id);
    this.#discard(state.id);
  }

  /**
   * Tidies up after owners that are gone: their containers are killed where they still run, then `--rm` ones are
   * removed, and others have exited.
   */
  async reclaim(): Promise<void> {
    if (this.#abandoned().length === 0) return;
    // Between making its directory and locking it a new container looks abandoned, unless nobody makes one now.
    await this.store.records.exclusive(SPACE, 'names', async () => this.#reclaimAbandoned());
  }

  #reclaimAbandoned(): void {
    for (const { id, state } of this.#abandoned()) {
      if (state?.process !== undefined) killProcess(state.process);
      if (state === undefined) this.#discard(id);
      else if (state.remove || state.status === 'created') this.remove(state, { volumes: true });
      else this.#change(id, { status: 'exited', exitCode: 137, finishedAt: new Date().toISOString() });
    }
  }

  /** Ids that nobody looks after any more, though they have not ended; without state when only the directory was made. */
  #abandoned(): readonly { readonly id: string; readonly state: ContainerState | undefined }[] {
    const states = new Map(this.list().map((state) => [state.id, state]));
    const directories = readdirIfThere(join(this.store.root, 'containers'));
    return [...new Set([...directories, ...states.keys()])]
      .map((id) => ({ id, state: states.get(id) }))
      .filter(({ id, state }) => state?.status !== 'exited' && !this.#isOwned(id));
  }

  /** Locks the container's file; the answer unlocks it. */
  #own(id: string): () => void {
    mkdirSync(this.#directory(id), { recursive: true, mode: 0o711 });
    const fd = openSync(this.#ownerFile(id), constants.O_RDWR | constants.O_CREAT, 0o600);
    // Waits for nobody but those who are just looking.
    lockFile(fd, 'exclusive');
    let open = true;
    return () => {
      if (open) closeSync(fd);
      open = false;
    };
  }

  #isOwned(id: string): boolean {
    let fd: number;
    try {
      fd = openSync(this.#ownerFile(id), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    try {
      return !tryLockFile(fd, 'shared');
    } finally {
      closeSync(fd);
    }
  }

  #change(id: string, change: Partial<ContainerState>): void {
    const record = this.store.records.get(SPACE, id);
    if (record === undefined) return;
    const value = { ...(record.value as ContainerState), ...change };
    this.store.records.set(SPACE, id, { ...record, value });
  }

  #removeVolumes({ mounts = [] }: ContainerState): void {
    const volumes = new VolumeStore(this.store);
    for (const { name, anonymous } of mounts) if (name !== undefined && anonymous) volumes.remove(name);
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
