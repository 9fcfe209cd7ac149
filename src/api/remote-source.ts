import { createReadStream } from 'node:fs';
import {
  type BytePath,
  bytePath,
  createHash,
  decompressAs,
  type FileTree,
  probeArchive,
  readArchive,
  type Store,
} from '../../layers/index.ts';
import type { GitSourceOp, HttpSourceOp } from '../llb/op.ts';
import type { Report } from '../progress/events.ts';
import type { OperationContext } from '../solver/operation.ts';
import { layersOf } from '../solver/result.ts';

export interface RemoteOptions {
  /** What the step is called. */
  readonly name: string;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly fetched?: OperationContext['fetched'];
}

/** The files of a repository, or the one file of a download, fetched before there is a graph to fetch them in. */
export async function fetchSource(
  store: Store,
  op: GitSourceOp | HttpSourceOp,
  { name, report, signal, fetched }: RemoteOptions,
): Promise<FileTree> {
  const digest = `sha256:${createHash('sha256').update(JSON.stringify(op)).digest('hex')}`;
  const started = Date.now();
  const tell = (state: { readonly completed?: number; readonly error?: string }) =>
    report({ kind: 'vertex', digest, inputs: [], name, started, ...state });
  tell({});
  try {
    const operation =
      op.type === 'git'
        ? (await import('../ops/source-git.ts')).gitSourceOperation(store)
        : (await import('../ops/source-http.ts')).httpSourceOperation(store);
    const vertex = { digest, op, inputs: [], meta: { name, ignoreCache: false } };
    const result = await operation.run(vertex, [], { report, signal, ...(fetched && { fetched }) });
    tell({ completed: Date.now() });
    return store.snapshots.view(layersOf(result));
  } catch (error) {
    tell({ completed: Date.now(), error: (error as Error).message });
    throw error;
  }
}

const SECOND = 1_000_000_000n;

/**
 * Seconds since 1970: when what was fetched was made. Of a repository the commit's time; of a download what the server
 * says, else the newest file of the archive that it is; undefined when nothing tells.
 */
export async function timeOfSource(
  tree: FileTree,
  op: GitSourceOp | HttpSourceOp,
): Promise<number | undefined> {
  if (op.type === 'git') return Number(tree.lookup('/')!.stat.mtimeNs / SECOND);
  const path = bytePath(`/${op.filename ?? ''}`);
  const file = tree.lookup(path)!;
  // A server that does not say makes a file of 1970.
  if (file.stat.mtimeNs !== 0n) return Number(file.stat.mtimeNs / SECOND);
  return await newestMember(tree, path);
}

/** Undefined for what is no archive. */
async function newestMember(tree: FileTree, path: BytePath): Promise<number | undefined> {
  const open = () => createReadStream('', { fd: tree.open(tree.lookup(path)!) });
  const kind = await probeArchive(open);
  if (kind === undefined) return undefined;
  let newest: bigint | undefined;
  for await (const { type, mtimeNs } of readArchive(decompressAs(open(), kind)))
    if (type === 'file' && (newest === undefined || mtimeNs > newest)) newest = mtimeNs;
  return newest === undefined ? undefined : Number(newest / SECOND);
}
