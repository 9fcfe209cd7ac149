import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerConfig, DiffId, OverlayRoot, Store } from '../../layers/index.ts';
import type { ContainerOptions } from './container-options.ts';
import { RuntimeError } from './errors.ts';
import { VolumeStore } from './volumes.ts';

/** What is known of a container: everything that its restart or inspection needs. */
export interface ContainerState {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** The image as the user named it, and the digest of its config. */
  readonly image: string;
  readonly imageId: string;
  /** RFC 3339. */
  readonly created: string;
  readonly config: ContainerConfig;
  readonly options: ContainerOptions;
  readonly remove: boolean;
  readonly args: readonly string[];
  readonly status: 'created' | 'running' | 'exited';
  /** Of the process that looks after the container, and when that process started: a pid alone may be another's. */
  readonly owner?: ProcessIdentity;
  /** PID 1 of the container as the host sees it. */
  readonly pid?: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  readonly volumes?: readonly string[];
}

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot: field 22 of proc_pid_stat(5). */
  readonly started: string;
}

const SPACE = 'container';

/** Containers of a store: one record each, which keeps their layers, and a directory for what they write. */
export class ContainerStore {
  constructor(readonly store: Store) {}

  /** Registers a new container. Throws `CONFLICT` when the name is taken. */
  create(state: ContainerState, layers: readonly DiffId[]): Promise<void> {
    return this.store.records.exclusive(SPACE, 'names', async () => {
      const taken = this.list().find(({ name }) => name === state.name);
      if (taken !== undefined) {
        throw new RuntimeError(
          'CONFLICT',
          state.name,
          `Conflict. The container name "/${state.name}" is already in use by container "${taken.id}". You have to remove (or rename) that container to be able to reuse that name.`,
        );
      }
      this.store.records.set(SPACE, state.id, { layers, value: state });
    });
  }

  update(id: string, change: Partial<ContainerState>): void {
    const record = this.store.records.get(SPACE, id);
    if (record === undefined) return;
    this.store.records.set(SPACE, id, {
      ...record,
      value: { ...(record.value as ContainerState), ...change },
    });
  }

  list(): readonly ContainerState[] {
    return [...this.store.records.list(SPACE)].map(({ record }) => record.value as ContainerState);
  }

  /** By id, unambiguous prefix of it, or name. Throws `NOT_FOUND`. */
  find(text: string): ContainerState {
    const all = this.list();
    const exact = all.find(({ id, name }) => id === text || name === text);
    const matches = exact ? [exact] : all.filter(({ id }) => id.startsWith(text));
    if (matches.length === 1) return matches[0]!;
    throw new RuntimeError(
      'NOT_FOUND',
      text,
      matches.length === 0
        ? `No such container: ${text}`
        : `Multiple containers match the id prefix "${text}": write more of it`,
    );
  }

  /** The directories that a container writes to, made when missing. */
  writable(id: string): Required<Pick<OverlayRoot, 'upper' | 'work'>> {
    const upper = join(this.#directory(id), 'fs');
    const work = join(this.#directory(id), 'work');
    for (const path of [upper, work]) mkdirSync(path, { recursive: true, mode: 0o755 });
    return { upper, work };
  }

  /**
   * What it wrote goes to the trash, which is emptied by descriptor when the store is closed: a container can make
   * directories deeper than any path can name.
   */
  remove(id: string): void {
    const directory = this.#directory(id);
    const trash = join(this.store.root, 'trash', `container.${id}`);
    try {
      renameSync(directory, trash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    this.store.records.delete(SPACE, id);
  }

  /** Brings the records of containers whose owner is gone up to date: `--rm` ones are removed, others have exited. */
  reclaim(): void {
    for (const state of this.list()) {
      if (state.status === 'exited' || state.owner === undefined || isAlive(state.owner)) continue;
      if (state.remove) this.#removeWithVolumes(state);
      else this.update(state.id, { status: 'exited', exitCode: 137, finishedAt: new Date().toISOString() });
    }
  }

  #removeWithVolumes({ id, volumes: names = [] }: ContainerState): void {
    const volumes = new VolumeStore(this.store);
    this.remove(id);
    for (const name of names) if (volumes.get(name)?.anonymous) volumes.remove(name);
  }

  #directory(id: string): string {
    return join(this.store.root, 'containers', id);
  }
}

/** Whether somebody is just about to start it, or it runs: nothing of it may be taken away. */
export function isInUse({ status, owner }: ContainerState): boolean {
  return status === 'running' || (status === 'created' && owner !== undefined && isAlive(owner));
}

/** This process, so that others can tell whether it still lives. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: startTime(process.pid) ?? '' };
}

export function isAlive({ pid, started }: ProcessIdentity): boolean {
  return startTime(pid) === started;
}

function startTime(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in parentheses and may hold blanks: count from behind it.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
