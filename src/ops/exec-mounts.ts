import type { ActiveSnapshot, Layer, Store } from '../../layers/index.ts';
import type { ExecMount, ExecOp } from '../llb/op.ts';
import type { ResolvedUser } from '../runtime/passwd.ts';
import type { LaunchOptions, TreeMount } from '../sandbox/sandbox.ts';
import type { SpecMount } from '../sandbox/spec.ts';
import type { Result } from '../solver/result.ts';
import { holdCacheMount } from './cache-mounts.ts';
import { copyToDirectory, layersOfTree } from './materialise.ts';
import { SecretError, type SecretSource } from './secrets.ts';

export interface PreparedMounts {
  readonly mounts: readonly SpecMount[];
  readonly trees: readonly TreeMount[];
  readonly files: NonNullable<LaunchOptions['files']>;
  /** `NAME=value` that mounts bring along. */
  readonly env: readonly string[];
  /** Gives back what was held. Idempotent. */
  release(): void;
}

interface MountContext {
  readonly store: Store;
  readonly secrets: SecretSource;
  readonly user: ResolvedUser;
}

/** What RUN --mount asks for, made ready: sources resolved, secrets read, caches held. Targets in order of depth. */
export async function prepareMounts(
  op: ExecOp,
  inputs: readonly Result[],
  context: MountContext,
): Promise<PreparedMounts> {
  const preparing = new MountPreparation(inputs, context);
  try {
    const ordered = [...op.mounts].sort((a, b) => depth(a) - depth(b));
    for (const mount of ordered) await preparing.add(mount);
    return preparing;
  } catch (error) {
    preparing.release();
    throw error;
  }
}

function depth(mount: ExecMount): number {
  return mount.target === undefined ? 0 : mount.target.split('/').length;
}

class MountPreparation implements PreparedMounts {
  readonly mounts: SpecMount[] = [];
  readonly trees: TreeMount[] = [];
  readonly files: NonNullable<LaunchOptions['files']>[number][] = [];
  readonly env: string[] = [];
  readonly #held: { release(): void }[] = [];
  #agents = 0;

  constructor(
    readonly inputs: readonly Result[],
    readonly context: MountContext,
  ) {}

  release(): void {
    for (const held of this.#held.splice(0)) held.release();
  }

  async add(mount: ExecMount): Promise<void> {
    switch (mount.type) {
      case 'bind':
        return this.#bind(mount);
      case 'cache':
        return this.#cache(mount);
      case 'tmpfs': {
        const size = mount.size === undefined ? [] : [`size=${mount.size}`];
        const options = ['nosuid', 'nodev', ...size];
        this.mounts.push({ destination: mount.target, type: 'tmpfs', source: 'tmpfs', options });
        return;
      }
      case 'secret':
        return this.#secret(mount);
      case 'ssh':
        return this.#ssh(mount);
    }
  }

  async #bind(mount: Extract<ExecMount, { type: 'bind' }>): Promise<void> {
    const layers = await this.#layers(mount.input, mount.source);
    // Writes go to a snapshot of their own, which is thrown away with the step.
    const scratch = mount.readonly ? undefined : this.#scratch(layers);
    const root = scratch?.root() ?? { lower: layers.map((layer) => layer.directory()) };
    this.trees.push({ destination: mount.target, root, source: mount.source });
  }

  async #cache(mount: Extract<ExecMount, { type: 'cache' }>): Promise<void> {
    const held = await holdCacheMount(this.context.store, mount, async (directory) => {
      const input = mount.input === undefined ? undefined : this.inputs[mount.input];
      if (input !== undefined) copyToDirectory(this.context.store, input, mount.source, directory);
    });
    this.#held.push(held);
    const options = ['rbind', 'rprivate', mount.readonly ? 'ro' : 'rw'];
    this.mounts.push({ destination: mount.target, type: 'bind', source: held.directory, options });
  }

  #secret(mount: Extract<ExecMount, { type: 'secret' }>): void {
    const content = this.context.secrets.secret(mount.id);
    if (content === undefined) {
      if (!mount.required) return;
      throw new SecretError(
        mount.id,
        `secret ${mount.id}: not found`,
        `give it with --secret id=${mount.id},src=FILE or --secret id=${mount.id},env=NAME`,
      );
    }
    if (mount.env !== undefined) this.env.push(`${mount.env}=${Buffer.from(content).toString('utf8')}`);
    if (mount.target === undefined) return;
    const { target: path, mode, uid, gid } = mount;
    this.files.push({ path, content, mode, uid, gid, readonly: true });
  }

  #ssh(mount: Extract<ExecMount, { type: 'ssh' }>): void {
    const socket = this.context.secrets.sshSocket(mount.id);
    if (socket === undefined) {
      if (!mount.required) return;
      throw new SecretError(
        mount.id,
        `no SSH key "${mount.id}" forwarded from the client`,
        `start an agent and give it with --ssh ${mount.id}`,
      );
    }
    if (this.#agents++ === 0) this.env.push(`SSH_AUTH_SOCK=${mount.target}`);
    const options = ['bind', 'rprivate', 'rw'];
    this.mounts.push({ destination: mount.target, type: 'bind', source: socket, options });
  }

  /** The layers to mount from; a local tree is copied (its ignored files left out) into one of its own first. */
  async #layers(input: number | undefined, source: string): Promise<readonly Layer[]> {
    const result = input === undefined ? undefined : this.inputs[input];
    if (result === undefined) return [];
    if (result.kind === 'layers') return result.layers;
    const copy = await layersOfTree(this.context.store, result.tree, source);
    this.#held.push({ release: () => copy.abort() });
    return copy.layers;
  }

  #scratch(layers: readonly Layer[]): ActiveSnapshot {
    const snapshot = this.context.store.snapshots.prepare(layers);
    this.#held.push({ release: () => snapshot.abort() });
    return snapshot;
  }
}
