import type { ActiveSnapshot, Layer, Store } from '../../layers/index.ts';
import { encodeCanonical } from '../llb/canonical.ts';
import type { Vertex } from '../llb/definition.ts';
import type { ExecOp } from '../llb/op.ts';
import { openBridgeNetwork } from '../network/open-network.ts';
import { specResources } from '../runtime/container-spec.ts';
import { newContainerId } from '../runtime/names.ts';
import { resolveUser } from '../runtime/passwd.ts';
import { launch } from '../sandbox/launch.ts';
import type { RunningProcess, StartMechanism } from '../sandbox/sandbox.ts';
import type { KeyPart, Operation, OperationContext, OperationInput } from '../solver/operation.ts';
import type { Result } from '../solver/result.ts';
import { layersOf } from '../solver/solve.ts';
import { ExecError } from './exec-error.ts';
import { prepareMounts, treeOf } from './exec-mounts.ts';
import { execSpec } from './exec-spec.ts';
import type { SecretSource } from './secrets.ts';
import { subtreeDigest } from './subtree.ts';

export interface ExecEnvironment {
  readonly store: Store;
  readonly secrets: SecretSource;
  readonly mechanism?: StartMechanism;
}

/** RUN: a process in a sandbox over the snapshot of input 0; what it changed is a new layer. */
export function execOperation(environment: ExecEnvironment): Operation {
  return {
    cached: true,
    keyParts: (vertex, inputs, context) => keyParts(environment.store, vertex, inputs, context),
    readInputs: ({ op }) =>
      (op as ExecOp).mounts.flatMap((mount) =>
        mount.type === 'bind' && mount.input !== undefined ? [mount.input] : [],
      ),
    run: (vertex, inputs, context) => run(environment, vertex, inputs, context),
  };
}

/**
 * Left out on purpose: proxy variables, secret values, addresses of extra hosts, limits. They say how a step is run,
 * not what it makes, and BuildKit leaves them out too.
 */
async function keyParts(
  store: Store,
  { op }: Vertex,
  inputs: readonly OperationInput[],
  { signal }: OperationContext,
): Promise<readonly KeyPart[]> {
  const { args, env, cwd, user, hostname, mounts, network, security, shmSize, ulimits, devices } =
    op as ExecOp;
  const step = { args, env, cwd, user, hostname, mounts, network, security, shmSize, ulimits, devices };
  const parts: KeyPart[] = [
    { name: 'step', value: encodeCanonical(step) },
    { name: 'root', value: inputs[0]?.key ?? '' },
  ];
  for (const [index, mount] of mounts.entries()) {
    const input = 'input' in mount && mount.input !== undefined ? inputs[mount.input] : undefined;
    if (input === undefined) continue;
    // What a step can read of a mounted tree is its source alone; a cache is only seeded from it.
    const value =
      mount.type === 'bind'
        ? await subtreeDigest(treeOf(store, await input.result()), mount.source, signal)
        : input.key;
    parts.push({ name: `mount ${index}`, value });
  }
  return parts;
}

async function run(
  environment: ExecEnvironment,
  vertex: Vertex,
  inputs: readonly Result[],
  context: OperationContext,
): Promise<Result> {
  const op = vertex.op as ExecOp;
  const parents = layersOf(inputs[0]!);
  const snapshot = environment.store.snapshots.prepare(parents);
  try {
    const layer = await execute(environment, vertex, op, inputs, snapshot, context);
    return { kind: 'layers', layers: [...parents, layer] };
  } catch (error) {
    snapshot.abort();
    throw error;
  }
}

async function execute(
  environment: ExecEnvironment,
  vertex: Vertex,
  op: ExecOp,
  inputs: readonly Result[],
  snapshot: ActiveSnapshot,
  context: OperationContext,
): Promise<Layer> {
  const { store, secrets, mechanism } = environment;
  const user = resolveUser(snapshot.tree(), op.user, []);
  const network = op.network === 'default' ? openBridgeNetwork() : undefined;
  const mounts = await prepareMounts(op, inputs, { store, secrets, signal: context.signal });
  try {
    const resources = op.resources && specResources(op.resources);
    const { spec, files } = execSpec(op, {
      id: newContainerId(),
      user,
      ...(network && { network }),
      ...(resources && { resources }),
      mounts,
    });
    const running = await launch(spec, {
      overlay: snapshot.root(),
      stdio: { kind: 'pipes', stdin: 'null' },
      files: [...files, ...mounts.files],
      trees: mounts.trees,
      ...(mechanism && { mechanism }),
    });
    await follow(running, vertex, op, context);
    return snapshot.commit({ ignore: running.stubs });
  } finally {
    mounts.release();
    network?.close();
  }
}

/** Passes the output on until the step has ended; throws {@link ExecError} unless it succeeded. */
async function follow(
  running: RunningProcess,
  vertex: Vertex,
  op: ExecOp,
  context: OperationContext,
): Promise<void> {
  const stop = () => running.kill(9);
  context.signal.addEventListener('abort', stop, { once: true });
  try {
    for (const stream of [1, 2] as const) {
      (stream === 1 ? running.stdout : running.stderr)?.on('data', (data: Uint8Array) =>
        context.report({ kind: 'log', vertex: vertex.digest, stream, data, timestamp: Date.now() }),
      );
    }
    const status = await running.wait();
    context.signal.throwIfAborted();
    if (status.code !== 0) throw new ExecError(op.args, status);
  } finally {
    context.signal.removeEventListener('abort', stop);
  }
}
