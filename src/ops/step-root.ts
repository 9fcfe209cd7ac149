import { type ActiveSnapshot, formatPlatform, hostPlatform, type Store } from '../../layers/index.ts';
import type { ExecOp } from '../llb/op.ts';
import type { NetworkNamespace } from '../network/network.ts';
import { openBridgeNetwork } from '../network/open-network.ts';
import { specResources } from '../runtime/container-spec.ts';
import { foreignProgram } from '../runtime/foreign-program.ts';
import { newContainerId } from '../runtime/names.ts';
import { resolveUser } from '../runtime/passwd.ts';
import { launch } from '../sandbox/launch.ts';
import { type RunningProcess, SandboxError, type StartMechanism, type Stdio } from '../sandbox/sandbox.ts';
import type { Result } from '../solver/result.ts';
import type { CacheMountOrigin, HoldOptions } from './cache-mounts.ts';
import { type PreparedMounts, prepareMounts } from './exec-mounts.ts';
import { execSpec } from './exec-spec.ts';
import type { LayerTimes } from './layer-times.ts';
import { OperationError } from './operation-error.ts';
import type { SecretSource } from './secrets.ts';
import type { Selections } from './selections.ts';

export interface ExecEnvironment {
  readonly store: Store;
  readonly secrets: SecretSource;
  readonly mechanism?: StartMechanism;
  readonly times?: LayerTimes;
  /** As in {@link HoldOptions}. */
  readonly isStale?: HoldOptions['isStale'];
  readonly selections?: Selections;
  /** What is known elsewhere of cache mounts, and who is to know that one was used. */
  readonly cacheMounts?: CacheMountOrigin;
}

/**
 * Where a RUN step runs: its filesystem with its mounts, its user, environment, working directory, limits and network.
 * One process at a time; each gets the mounts anew, what it wrote to the snapshot and to caches stays.
 */
export class StepRoot {
  readonly #network: NetworkNamespace | undefined;
  #mounts: PreparedMounts | undefined;

  constructor(
    readonly environment: ExecEnvironment,
    readonly op: ExecOp,
    readonly inputs: readonly Result[],
    readonly snapshot: ActiveSnapshot,
  ) {
    this.#network = op.network === 'default' ? openBridgeNetwork() : undefined;
  }

  /** Starts `args` in place of the step's own, after the process before has ended. `signal`: of the preparations. */
  async start(args: readonly string[], stdio: Stdio, signal: AbortSignal): Promise<RunningProcess> {
    const { store, secrets, mechanism, isStale, cacheMounts } = this.environment;
    this.#mounts?.release();
    const user = resolveUser(this.snapshot.tree(), this.op.user, []);
    const mounts = await prepareMounts(this.op, this.inputs, {
      store,
      secrets,
      signal,
      ...(isStale && { isStale }),
      ...(cacheMounts && { cacheMounts }),
    });
    this.#mounts = mounts;
    const resources = this.op.resources && specResources(this.op.resources);
    const isOnTerminal = stdio.kind === 'terminal';
    const { spec, files } = execSpec(
      { ...this.op, args, env: isOnTerminal ? ['TERM=xterm', ...this.op.env] : this.op.env },
      {
        id: newContainerId(),
        user,
        ...(this.#network && { network: this.#network }),
        ...(resources && { resources }),
        mounts,
      },
    );
    const process = { ...spec.process, terminal: isOnTerminal };
    const options = {
      overlay: this.snapshot.root(),
      stdio,
      files: [...files, ...mounts.files],
      trees: mounts.trees,
      ...(mechanism && { mechanism }),
    };
    try {
      return await launch({ ...spec, process }, options);
    } catch (error) {
      throw this.#foreign(error, args) ?? error;
    }
  }

  /** Why a program of another architecture does not start. */
  #foreign(error: unknown, args: readonly string[]): OperationError | undefined {
    if (!(error instanceof SandboxError)) return undefined;
    const found = foreignProgram(this.snapshot.tree(), args[0] ?? '', this.op.env);
    if (found === undefined) return undefined;
    const { program, platform, hint } = found;
    const message = `this machine (${formatPlatform(hostPlatform())}) cannot run ${program}, a program for ${platform}`;
    return new OperationError('UNSUPPORTED', program, message, { cause: error, hint });
  }

  /** When nothing runs in it any more. The snapshot is the caller's. */
  close(): void {
    this.#mounts?.release();
    this.#network?.close();
  }
}
