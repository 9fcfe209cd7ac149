import { join } from 'node:path';
import { bytePath, createHash, directoryTree, type Layer, type Store } from '../../layers/index.ts';
import type { Vertex } from '../llb/definition.ts';
import { compileIgnore } from '../llb/ignore-patterns.ts';
import type { GitSourceOp } from '../llb/op.ts';
import type { Environment } from '../registry/proxy.ts';
import type { KeyPart, Operation, OperationContext } from '../solver/operation.ts';
import type { Result } from '../solver/result.ts';
import { Copier } from './file/copy.ts';
import { ROOT } from './file/owner.ts';
import { cleanPath } from './file/paths.ts';
import { checkOut, type ResolvedRef, resolveRef } from './git/checkout.ts';
import { type GitProtocol, type GitRemote, isCommit, parseRemote, REMOTE_PROTOCOLS } from './git/remote.ts';
import type { GitOptions } from './git/run-git.ts';
import { OperationError } from './operation-error.ts';
import { Pace } from './pace.ts';

/** Records of commits that were checked out before. */
const SPACE = 'git';

export interface GitSourceOptions {
  readonly environment?: Environment;
  readonly protocols?: readonly GitProtocol[];
}

/**
 * ADD of a git repository: the files of a commit, owned by root and as old as the commit. By the git of the host,
 * which sees none of anybody's configuration and may use no other protocols than those allowed.
 */
export function gitSourceOperation(store: Store, options: GitSourceOptions = {}): Operation {
  return new GitSource(store, options);
}

class GitSource implements Operation {
  readonly cached = false;
  readonly #store: Store;
  readonly #environment: Environment;
  readonly #protocols: readonly GitProtocol[];
  /** What refs stand for in this build, by vertex: a branch that moves meanwhile stays what it was. */
  readonly #resolved = new Map<string, Promise<ResolvedRef>>();

  constructor(store: Store, { environment = process.env, protocols = REMOTE_PROTOCOLS }: GitSourceOptions) {
    this.#store = store;
    this.#environment = environment;
    this.#protocols = protocols;
  }

  async keyParts(vertex: Vertex, _inputs: unknown, context: OperationContext): Promise<readonly KeyPart[]> {
    const { commit } = await this.#resolve(vertex, context);
    return [{ name: 'checkout', value: this.#describe(vertex, commit) }];
  }

  async run(vertex: Vertex, _inputs: unknown, context: OperationContext): Promise<Result> {
    const resolved = await this.#resolve(vertex, context);
    const key = createHash('sha256').update(this.#describe(vertex, resolved.commit)).digest('hex');
    const { records, snapshots } = this.#store;
    const layer = await records.exclusive(SPACE, key, async () => {
      const diffId = records.get(SPACE, key)?.layers?.[0];
      const known = diffId && snapshots.layer(diffId);
      if (known !== undefined) return known;
      const made = await this.#layer(vertex, resolved, context);
      const info = await made.diff;
      records.set(SPACE, key, { layers: [info.diffId], value: { commit: resolved.commit } });
      return made;
    });
    return { kind: 'layers', layers: [layer] };
  }

  /** Everything that the files depend on; not who asks for them. */
  #describe({ op }: Vertex, commit: string): string {
    const { remote, subdir, keepGitDir, submodules = true } = op as GitSourceOp;
    const { address } = parseRemote(remote, this.#protocols);
    return JSON.stringify([address, commit, subdir ?? null, keepGitDir, submodules]);
  }

  /** The commit, checked against the one that is expected. */
  #resolve(vertex: Vertex, context: OperationContext): Promise<ResolvedRef> {
    let resolved = this.#resolved.get(vertex.digest);
    if (resolved === undefined) {
      resolved = this.#ask(vertex, context);
      this.#resolved.set(vertex.digest, resolved);
    }
    return resolved;
  }

  async #ask(vertex: Vertex, context: OperationContext): Promise<ResolvedRef> {
    const { remote: text, ref, checksum } = vertex.op as GitSourceOp;
    const remote = parseRemote(text, this.#protocols);
    const wanted = ref ?? (checksum !== undefined && isCommit(checksum) ? checksum : undefined);
    const options = this.#options(vertex, remote, context);
    const resolved = await this.#inPrivate((directory) => resolveRef(remote, wanted, directory, options));
    const { commit, tag } = resolved;
    context.fetched?.(vertex.op as GitSourceOp, commit);
    if (checksum === undefined || [commit, tag].some((hash) => hash?.startsWith(checksum))) return resolved;
    throw new OperationError(
      'DIGEST_MISMATCH',
      commit,
      `expected checksum to match ${checksum}, got ${tag ?? commit}`,
    );
  }

  #layer(vertex: Vertex, resolved: ResolvedRef, context: OperationContext): Promise<Layer> {
    const { remote: text, subdir, keepGitDir, submodules = true } = vertex.op as GitSourceOp;
    const remote = parseRemote(text, this.#protocols);
    const options = this.#options(vertex, remote, context);
    return this.#inPrivate(async (directory) => {
      const request = { remote, resolved, submodules, keepGitDir };
      const time = await checkOut(directory, request, options);
      const mtimeNs = BigInt(time) * 1_000_000_000n;
      return this.#commit(join(directory, 'tree'), { subdir, keepGitDir, mtimeNs }, context.signal);
    });
  }

  /** A layer with the files of a checkout, which are looked up as in any image: a link in it leads nowhere else. */
  async #commit(
    checkout: string,
    given: { readonly subdir: string | undefined; readonly keepGitDir: boolean; readonly mtimeNs: bigint },
    signal: AbortSignal,
  ): Promise<Layer> {
    const { subdir = '/', keepGitDir, mtimeNs } = given;
    const tree = directoryTree(checkout);
    const snapshot = this.#store.snapshots.prepare([]);
    try {
      const node = tree.lookup(cleanPath(bytePath(subdir)), { follow: true });
      if (node?.stat.type !== 'directory') {
        const message = `The git repository has no directory ${JSON.stringify(subdir)}`;
        throw new OperationError('NOT_FOUND', subdir, message);
      }
      const writer = snapshot.writer();
      const rules = { owner: ROOT, mode: undefined, mtimeNs, parents: { ...ROOT, mode: 0o755 } };
      // Submodules have a file of that name, which leads into the directory that is gone.
      const exclusion = keepGitDir
        ? {}
        : { exclusion: { matcher: compileIgnore(['**/.git']), rootPath: '' } };
      const root = { node, name: '', under: '', parents: [], ...exclusion };
      await new Copier(tree, writer, rules, new Pace(signal)).copy(root, '/');
      writer.finish();
      return snapshot.commit();
    } catch (error) {
      snapshot.abort();
      throw error;
    } finally {
      tree.close();
    }
  }

  /** In a directory of the store that is gone afterwards; when this process is killed, the next one clears it away. */
  async #inPrivate<T>(body: (directory: string) => Promise<T>): Promise<T> {
    const snapshot = this.#store.snapshots.prepare([]);
    try {
      return await body(snapshot.root().upper!);
    } finally {
      snapshot.abort();
    }
  }

  #options({ digest: vertex }: Vertex, remote: GitRemote, { signal, report }: OperationContext): GitOptions {
    const log = (text: string) =>
      report({ kind: 'log', vertex, stream: 2, data: Buffer.from(text), timestamp: Date.now() });
    const { authorization } = remote;
    return {
      environment: this.#environment,
      protocols: this.#protocols,
      ...(authorization && { authorization }),
      signal,
      log,
    };
  }
}
