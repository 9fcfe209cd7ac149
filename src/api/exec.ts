import { ContainerStore } from '../runtime/container-store.ts';
import { execInContainer } from '../runtime/exec.ts';
import type { StepProcess } from './open-step.ts';
import { ownStreams } from './own-streams.ts';
import type { RunStdio } from './run.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** `docker exec`'s options as values. */
export interface ExecRequest extends StoreLocation {
  /** Id, prefix of one, or name. */
  readonly container: string;
  /** Command line. */
  readonly args: readonly string[];
  /** `NAME=value`, on top of the container's; a bare `NAME` takes one away. */
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly privileged?: boolean;
  /** Goes on when this process ends; without standard streams. */
  readonly detach?: boolean;
  /** Aborted: it is killed. */
  readonly signal?: AbortSignal;
}

/** A process that was started in a container. */
export type ExecProcess = StepProcess;

/** Starts a command in a running container. It ends with this process, unless detached. */
export async function exec(request: ExecRequest, stdio: RunStdio): Promise<ExecProcess> {
  const { container, storeRoot, detach, ...options } = request;
  const state = await withStore({ ...(storeRoot !== undefined && { storeRoot }) }, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    return containers.find(container);
  });
  const nowhere = { kind: 'inherit', stdin: false, stdout: false, stderr: false } as const;
  const wanted = detach && stdio.kind !== 'terminal' ? nowhere : stdio;
  const { stubs: _, ...started } = await execInContainer(state, {
    ...options,
    stdio: wanted.kind === 'inherit' ? ownStreams(wanted) : wanted,
    ...(detach && { outlives: true }),
  });
  return started;
}
