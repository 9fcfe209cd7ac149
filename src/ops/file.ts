import { setImmediate } from 'node:timers/promises';
import { bytePath, type FileTree, type Layer, type Store, type TreeWriter } from '../../layers/index.ts';
import type { CopyAction, FileAction, FileOp } from '../llb/op.ts';
import type { KeyPart, Operation, OperationContext, OperationInput } from '../solver/operation.ts';
import { layersOf, type Result } from '../solver/result.ts';
import { type DigestScope, digestSelection, type Selection } from './content-digest.ts';
import { ContextIndex } from './context-index.ts';
import { addArchive, unpacks } from './file/archive.ts';
import { modeRule, parentMode } from './file/chmod.ts';
import { Copier, type CopyRules } from './file/copy.ts';
import { makeDirectory } from './file/mkdir.ts';
import { makeFile } from './file/mkfile.ts';
import { ROOT, resolveOwner } from './file/owner.ts';
import { selectSources } from './file/select.ts';
import { FramedHash } from './framed-hash.ts';
import type { LayerTimes } from './layer-times.ts';
import { Pace } from './pace.ts';
import { type Selections, storedSelections } from './selections.ts';
import { LocalTree } from './source-local.ts';

type Vertex = Parameters<Operation['keyParts']>[0];

/** COPY, ADD, WORKDIR and here-documents: actions in order onto the state of input 0, as one new layer. */
export function fileOperation(
  store: Store,
  times: LayerTimes = {},
  selections: Selections = storedSelections(store.records),
): Operation {
  return new FileOperation(store, times, selections);
}

class FileOperation implements Operation {
  readonly cached = true;
  readonly #store: Store;
  readonly #times: LayerTimes;
  readonly #indexes = new Map<string, ContextIndex>();
  /** Copies of files that were found to have no extended attributes when their digests were asked for. */
  readonly #withoutXattrs = new WeakSet<CopyAction>();

  constructor(
    store: Store,
    times: LayerTimes,
    readonly selections: Selections,
  ) {
    this.#store = store;
    this.#times = times;
  }

  async keyParts(
    { op }: Vertex,
    inputs: readonly OperationInput[],
    { signal }: OperationContext,
  ): Promise<readonly KeyPart[]> {
    const pace = new Pace(signal);
    const parts: KeyPart[] = [{ name: 'root', value: inputs[0]!.key }];
    for (const [index, action] of (op as FileOp).actions.entries()) {
      parts.push({ name: `action ${index}`, value: actionKey(action) });
      if (action.kind === 'copy') parts.push(...(await this.#copyParts(action, inputs, pace)));
    }
    return parts;
  }

  readInputs({ op }: Vertex): readonly number[] {
    return (op as FileOp).actions.flatMap((action) => (action.kind === 'copy' ? [action.input] : []));
  }

  async run({ op }: Vertex, inputs: readonly Result[], { signal }: OperationContext): Promise<Result> {
    const parents = layersOf(inputs[0]!);
    const snapshot = this.#store.snapshots.prepare(parents);
    try {
      const writer = snapshot.writer();
      const pace = new Pace(signal);
      for (const action of (op as FileOp).actions) {
        if (action.kind === 'mkdir') makeDirectory(writer, action);
        else if (action.kind === 'mkfile') makeFile(writer, action);
        else await this.#copy(writer, action, inputs, pace);
      }
      writer.finish();
      return { kind: 'layers', layers: [...parents, snapshot.commit(this.#times)] };
    } catch (error) {
      snapshot.abort();
      throw error;
    }
  }

  async #copyParts(
    action: CopyAction,
    inputs: readonly OperationInput[],
    pace: Pace,
  ): Promise<readonly KeyPart[]> {
    const source = inputs[action.input]!;
    const chain = await source.chain();
    const known = chain && this.selections.recall(selectionKey(action, chain));
    const input = known === undefined ? await source.result() : undefined;
    const isUnpacked = unpacks(action, input?.kind === 'local');
    const digests =
      known ??
      (input?.kind === 'local'
        ? await this.#localDigests(action, input.tree, pace)
        : await this.#layerDigests(action, layersOf(input!), pace));
    return [
      { name: 'archives', value: isUnpacked ? 'unpacked' : 'copied' },
      ...digests.map((value, index) => ({ name: `files of ${action.display[index]}`, value })),
    ];
  }

  async #localDigests(action: CopyAction, tree: FileTree, pace: Pace): Promise<readonly string[]> {
    const isOnHost = tree instanceof LocalTree && tree.directory !== '';
    const index = isOnHost ? this.#index(tree.directory) : undefined;
    try {
      return this.#told(action, await selectionsOf(tree, action, pace, index));
    } finally {
      index?.save();
    }
  }

  async #layerDigests(action: CopyAction, layers: readonly Layer[], pace: Pace): Promise<readonly string[]> {
    const known = await settled(layers);
    const remembered = known && this.selections.recall(selectionKey(action, known));
    if (remembered !== undefined) return remembered;
    const view = this.#store.snapshots.view(layers);
    const digests = this.#told(action, await selectionsOf(view, action, pace));
    // Layers of this very build may still be hashed; nobody waits for that here, and without a record all is as well.
    Promise.all(layers.map(({ diff }) => diff))
      .then((infos) => infos.map(({ diffId }) => diffId))
      .then((ids) => this.selections.learn(selectionKey(action, ids), digests))
      .catch(() => {});
    return digests;
  }

  #told(action: CopyAction, selections: readonly Selection[]): readonly string[] {
    if (!selections.some(({ hasXattrs }) => hasXattrs)) this.#withoutXattrs.add(action);
    return selections.map(({ digest }) => digest);
  }

  async #copy(writer: TreeWriter, action: CopyAction, inputs: readonly Result[], pace: Pace): Promise<void> {
    const input = inputs[action.input]!;
    const tree = input.kind === 'local' ? input.tree : this.#store.snapshots.view(input.layers);
    const destination = bytePath(action.destination);
    const rules = { ...copyRules(writer.tree, action), withoutXattrs: this.#withoutXattrs.has(action) };
    const copier = new Copier(tree, writer, rules, pace);
    const isUnpacking = unpacks(action, input.kind === 'local');
    const memberOwner = action.owner === undefined ? undefined : rules.owner;
    for (const { roots } of selectSources(tree, action)) {
      if (action.parents) {
        await copier.copyWithParents(roots, destination);
        continue;
      }
      for (const root of roots) {
        const isDone = isUnpacking && (await addArchive(tree, root.node, writer, destination, memberOwner));
        if (!isDone) await copier.copy(root, destination);
      }
    }
  }

  #index(directory: string): ContextIndex {
    let index = this.#indexes.get(directory);
    if (index === undefined) {
      index = new ContextIndex(this.#store.root, directory);
      this.#indexes.set(directory, index);
    }
    return index;
  }
}

function copyRules(root: FileTree, { owner, mode, keepOwner }: CopyAction): CopyRules {
  const ids = owner === undefined ? undefined : resolveOwner(root, owner);
  return {
    owner: ids ?? (keepOwner ? undefined : ROOT),
    mode: mode && modeRule(mode),
    parents: { ...(ids ?? ROOT), mode: parentMode(mode) },
  };
}

async function selectionsOf(
  tree: FileTree,
  action: CopyAction,
  pace: Pace,
  index?: ContextIndex,
): Promise<readonly Selection[]> {
  const selections: Selection[] = [];
  for (const { roots } of selectSources(tree, action))
    selections.push(await digestSelection(tree, roots, scopeOf(action), pace, index));
  return selections;
}

/** What of the sources shows in the result. */
function scopeOf({ owner, mode, keepOwner }: CopyAction): DigestScope {
  return { modes: mode === undefined || 'symbolic' in mode, owners: keepOwner && owner === undefined };
}

/** What of an action shows in its result, besides the files it copies. */
function actionKey(action: FileAction): string {
  switch (action.kind) {
    case 'copy': {
      const { kind, destination, owner, mode, keepOwner, parents } = action;
      return JSON.stringify([kind, destination, owner ?? null, mode ?? null, keepOwner, parents]);
    }
    case 'mkfile': {
      const { kind, destination, name, data, owner, mode, defaultMode } = action;
      return JSON.stringify([kind, destination, name, data, owner ?? null, mode ?? null, defaultMode]);
    }
    case 'mkdir': {
      const { kind, path, owner, mode, mtime } = action;
      return JSON.stringify([kind, path, owner ?? null, mode, mtime ?? null]);
    }
  }
}

/** The diff IDs if all of them are known already. */
async function settled(layers: readonly Layer[]): Promise<readonly string[] | undefined> {
  const infos = await Promise.race([Promise.all(layers.map(({ diff }) => diff)), setImmediate(undefined)]);
  return infos?.map(({ diffId }) => diffId);
}

function selectionKey(action: CopyAction, diffIds: readonly string[]): string {
  const { modes, owners } = scopeOf(action);
  const hash = new FramedHash('tsbuild selection 1').byte(modes ? 1 : 0).byte(owners ? 1 : 0);
  hash.byte(action.parents ? 1 : 0);
  for (const list of [diffIds, action.sources, action.exclude]) {
    hash.uint32(list.length);
    for (const text of list) hash.text(text);
  }
  return hash.digest().toString('hex');
}
