import type { FileTree, OverlayRoot, Store } from '../../layers/index.ts';
import type { ExecMount, ExecOp } from '../llb/op.ts';
import type { LaunchOptions, TreeMount } from '../sandbox/sandbox.ts';
import type { SpecMount } from '../sandbox/spec.ts';
import type { Result } from '../solver/result.ts';
import { didYouMean, suggest } from '../text/suggest.ts';
import { forwardAgent } from './agent-socket.ts';
import {
  type CacheMountOrigin,
  type CacheSeed,
  cacheName,
  type HeldCacheMount,
  type HoldOptions,
  holdCacheMount,
} from './cache-mounts.ts';
import { SecretError, type SecretSource } from './secrets.ts';
import { copySubtree, subtreeDigest } from './subtree.ts';

export interface PreparedMounts {
  readonly mounts: readonly SpecMount[];
  readonly trees: readonly TreeMount[];
  readonly files: NonNullable<LaunchOptions['files']>;
  /** `NAME=value` that mounts bring along. */
  readonly env: readonly string[];
  /** Gives back what was held. Idempotent. */
  release(): void;
}

type CacheMount = Extract<ExecMount, { type: 'cache' }>;

interface MountContext {
  readonly store: Store;
  readonly secrets: SecretSource;
  readonly cacheMounts?: CacheMountOrigin;
  readonly signal: AbortSignal;
  /** As in {@link HoldOptions}. */
  readonly isStale?: HoldOptions['isStale'];
}

/** What RUN --mount asks for, made ready: sources resolved, secrets read, caches held. Targets in order of depth. */
export async function prepareMounts(
  op: ExecOp,
  inputs: readonly Result[],
  context: MountContext,
): Promise<PreparedMounts> {
  const preparing = new MountPreparation(inputs, context);
  try {
    await preparing.holdCaches(op.mounts);
    const ordered = [...op.mounts].sort((a, b) => depth(a) - depth(b));
    for (const mount of ordered) await preparing.add(mount);
    return preparing;
  } catch (error) {
    preparing.release();
    throw error;
  }
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

function depth(mount: ExecMount): number {
  return mount.target === undefined ? 0 : mount.target.split('/').length;
}

class MountPreparation implements PreparedMounts {
  readonly mounts: SpecMount[] = [];
  readonly trees: TreeMount[] = [];
  readonly files: NonNullable<LaunchOptions['files']>[number][] = [];
  readonly env: string[] = [];
  readonly #held: { release(): void }[] = [];
  readonly #caches = new Map<CacheMount, HeldCacheMount>();
  #agents = 0;

  constructor(
    readonly inputs: readonly Result[],
    readonly context: MountContext,
  ) {}

  release(): void {
    for (const held of this.#held.splice(0).reverse()) held.release();
  }

  /**
   * In an order that all steps share, so that no two wait for each other. A step does not wait for itself either:
   * whatever their sharing, its mounts of one cache are one directory.
   */
  async holdCaches(mounts: readonly ExecMount[]): Promise<void> {
    const { store, signal, isStale, cacheMounts: origin } = this.context;
    const named = mounts
      .filter((mount) => mount.type === 'cache')
      .map(async (mount) => {
        const input = mount.input === undefined ? undefined : this.inputs[mount.input];
        const seed = input && (await this.#seed(input, mount.source));
        return { mount, seed, name: cacheName(mount, seed) };
      });
    const held = new Map<string, HeldCacheMount>();
    for (const { mount, seed, name } of (await Promise.all(named)).sort(byName)) {
      const options = {
        signal,
        ...(seed && { seed }),
        ...(isStale && { isStale }),
        ...(origin && { origin }),
      };
      const cache = held.get(name) ?? (await holdCacheMount(store, mount, options));
      if (!held.has(name)) this.#held.push(cache);
      held.set(name, cache);
      this.#caches.set(mount, cache);
    }
  }

  async add(mount: ExecMount): Promise<void> {
    switch (mount.type) {
      case 'bind':
        return this.#bind(mount);
      case 'cache':
        this.#cache(mount);
        return;
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
    const root = await this.#root(mount);
    this.trees.push({ destination: mount.target, root, source: mount.source });
  }

  #cache(mount: CacheMount): void {
    const { directory: upper } = this.#caches.get(mount)!;
    // A seeded cache holds the source alone; in any other it is a directory that an earlier step made.
    const source = mount.input === undefined ? mount.source : '/';
    // What lies in a cache is as hostile as any image, so its links must not be followed on the host.
    this.trees.push({
      destination: mount.target,
      root: { lower: [], upper },
      source,
      readonly: mount.readonly,
    });
  }

  /** What is at `source` of an input, as the beginning of a cache. */
  async #seed(input: Result, source: string): Promise<CacheSeed> {
    const { store, signal } = this.context;
    const identity =
      input.kind === 'local'
        ? await subtreeDigest(input.tree, source, signal)
        : (await Promise.all(input.layers.map(({ diff }) => diff))).map(({ diffId }) => diffId).join();
    return {
      identity: JSON.stringify([identity, source]),
      copy: () => copySubtree(store, treeOf(store, input), source, '/', signal),
    };
  }

  #secret(mount: Extract<ExecMount, { type: 'secret' }>): void {
    const content = this.context.secrets.secret(mount.id);
    if (content === undefined) {
      if (!mount.required) {
        // As in Docker, the variable is there, empty: a step can tell by that, whatever ENV says.
        if (mount.env !== undefined) this.env.push(`${mount.env}=`);
        return;
      }
      const { secretIds } = this.context.secrets;
      const given = secretIds.length === 0 ? 'no secrets' : `only ${secretIds.join(', ')}`;
      throw new SecretError(
        `id=${mount.id}`,
        `secret ${mount.id}: not found: the step requires it, and the build was given ${given}${didYouMean(suggest(mount.id, secretIds))}`,
        `Add --secret id=${mount.id},src=FILE or --secret id=${mount.id},env=VARIABLE`,
      );
    }
    if (mount.env !== undefined) this.env.push(`${mount.env}=${Buffer.from(content).toString('utf8')}`);
    if (mount.target === undefined) return;
    const { target: path, mode, uid, gid } = mount;
    this.files.push({ path, content, mode, uid, gid, readonly: true });
  }

  async #ssh(mount: Extract<ExecMount, { type: 'ssh' }>): Promise<void> {
    const socket = this.context.secrets.sshSocket(mount.id);
    if (socket === undefined) {
      if (!mount.required) return;
      throw new SecretError(
        'type=ssh',
        `no SSH agent "${mount.id}": the step requires it, and the build was given none`,
        `Start an agent (eval $(ssh-agent); ssh-add) and add --ssh ${mount.id}`,
      );
    }
    if (this.#agents++ === 0) this.env.push(`SSH_AUTH_SOCK=${mount.target}`);
    const directory = this.context.store.snapshots.prepare([]);
    this.#held.push({ release: () => directory.abort() });
    const forwarded = await forwardAgent(socket, directory.root().upper!, mount);
    this.#held.push({ release: () => forwarded.close() });
    const options = ['bind', 'rprivate', 'rw'];
    this.mounts.push({ destination: mount.target, type: 'bind', source: forwarded.path, options });
  }

  /**
   * What a bind shows. Writes go to a snapshot of their own, which is thrown away with the step; of a local directory
   * a copy is shown, without the files that are ignored.
   */
  async #root({ input, source, readonly }: Extract<ExecMount, { type: 'bind' }>): Promise<OverlayRoot> {
    const { store, signal } = this.context;
    const result = input === undefined ? undefined : this.inputs[input];
    if (result?.kind === 'local') {
      const copy = await copySubtree(store, result.tree, source, source, signal);
      this.#held.push({ release: () => copy.abort() });
      return readonly ? { lower: [copy.root().upper!] } : copy.root();
    }
    const layers = result?.layers ?? [];
    if (readonly) return { lower: layers.map((layer) => layer.directory()) };
    const snapshot = store.snapshots.prepare(layers);
    this.#held.push({ release: () => snapshot.abort() });
    return snapshot.root();
  }
}

/** The files of an input. */
export function treeOf(store: Store, result: Result): FileTree {
  return result.kind === 'local' ? result.tree : store.snapshots.view(result.layers);
}
