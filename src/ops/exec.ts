import { encodeCanonical } from '../llb/canonical.ts';
import type { Vertex } from '../llb/definition.ts';
import type { ExecOp } from '../llb/op.ts';
import type { RunningProcess } from '../sandbox/sandbox.ts';
import type { KeyPart, Operation, OperationContext, OperationInput } from '../solver/operation.ts';
import { layersOf, type Result } from '../solver/result.ts';
import { ExecError } from './exec-error.ts';
import { treeOf } from './exec-mounts.ts';
import { type ExecEnvironment, StepRoot } from './step-root.ts';
import { subtreeDigest, subtreeKey } from './subtree.ts';

/** Told of a step whose command failed, while its root is still there; the step fails when that is over. */
export type FailedStep = (vertex: Vertex, error: ExecError, root: StepRoot) => Promise<void>;

/** RUN: a process in a sandbox over the snapshot of input 0; what it changed is a new layer. */
export function execOperation(environment: ExecEnvironment, failed?: FailedStep): Operation {
  const renewed = new Set<string>();
  // As in BuildKit, where steps without cache make the directory that such a mount begins with again, once a build.
  const isStale = (key: string) => {
    if (renewed.has(key)) return false;
    renewed.add(key);
    return true;
  };
  return {
    cached: true,
    keyParts: (vertex, inputs, context) => keyParts(environment, vertex, inputs, context),
    readInputs: ({ op }) =>
      (op as ExecOp).mounts.flatMap((mount) =>
        mount.type === 'bind' && mount.input !== undefined ? [mount.input] : [],
      ),
    run: (vertex, inputs, context) =>
      run(
        vertex.meta.ignoreCache ? { ...environment, isStale } : environment,
        vertex,
        inputs,
        context,
        failed,
      ),
  };
}

/**
 * Left out on purpose: proxy variables, secret values, addresses of extra hosts, limits. They say how a step is run,
 * not what it makes, and BuildKit leaves them out too.
 */
async function keyParts(
  environment: ExecEnvironment,
  { op }: Vertex,
  inputs: readonly OperationInput[],
  { signal }: OperationContext,
): Promise<readonly KeyPart[]> {
  const { type, extraHosts, cgroupParent, resources, proxyEnv, ...rest } = op as ExecOp;
  const { mounts } = rest;
  const step = { ...rest, extraHosts: extraHosts.map(({ host }) => host) };
  const parts: KeyPart[] = [
    { name: 'step', value: encodeCanonical(step) },
    { name: 'root', value: inputs[0]?.key ?? '' },
  ];
  for (const [index, mount] of mounts.entries()) {
    const input = 'input' in mount && mount.input !== undefined ? inputs[mount.input] : undefined;
    if (input === undefined) continue;
    // What a step can read of a mounted tree is its source alone; a cache is only seeded from it.
    const value =
      mount.type === 'bind' ? await sourceDigest(environment, input, mount.source, signal) : input.key;
    parts.push({ name: `mount ${index}`, value });
  }
  return parts;
}

/** Of what a mount shows; of layers that are known it is remembered, so that they need not be here. */
async function sourceDigest(
  { store, selections }: ExecEnvironment,
  input: OperationInput,
  source: string,
  signal: AbortSignal,
): Promise<string> {
  const chain = await input.chain();
  const key = chain && subtreeKey(chain, source);
  const known = key && selections?.recall(key)?.[0];
  if (known !== undefined) return known;
  const digest = await subtreeDigest(treeOf(store, await input.result()), source, signal);
  if (key !== undefined) selections?.learn(key, [digest]);
  return digest;
}

async function run(
  environment: ExecEnvironment,
  vertex: Vertex,
  inputs: readonly Result[],
  context: OperationContext,
  failed: FailedStep | undefined,
): Promise<Result> {
  const op = vertex.op as ExecOp;
  const parents = layersOf(inputs[0]!);
  const snapshot = environment.store.snapshots.prepare(parents);
  try {
    const root = new StepRoot(environment, op, inputs, snapshot);
    try {
      const take = (stream: 1 | 2, data: Uint8Array) => {
        context.report({ kind: 'log', vertex: vertex.digest, stream, data, timestamp: Date.now() });
        return undefined;
      };
      const stdio = { kind: 'fds', stdin: 'null', stdout: 'pipe', stderr: 'pipe', take } as const;
      const running = await root.start(op.args, stdio, context.signal);
      await follow(running, op, context);
      return {
        kind: 'layers',
        layers: [...parents, snapshot.commit({ ...environment.times, ignore: running.stubs })],
      };
    } catch (error) {
      if (error instanceof ExecError) await failed?.(vertex, error, root);
      throw error;
    } finally {
      root.close();
    }
  } catch (error) {
    snapshot.abort();
    throw error;
  }
}

/** Waits for the step's end; throws {@link ExecError} unless it succeeded. */
async function follow(running: RunningProcess, op: ExecOp, context: OperationContext): Promise<void> {
  const stop = () => running.kill(9);
  context.signal.addEventListener('abort', stop, { once: true });
  try {
    const status = await running.wait();
    context.signal.throwIfAborted();
    if (status.code !== 0) throw new ExecError(op.args, status);
  } finally {
    context.signal.removeEventListener('abort', stop);
  }
}
