import type { Duplex, Readable, Writable } from 'node:stream';
import type { Store } from '../../layers/index.ts';
import {
  createContainer,
  discardContainer,
  exited,
  type RunningContainer,
  type StartRequest,
  startContainer,
} from '../runtime/container.ts';
import { ContainerStore, type OwnedContainer } from '../runtime/container-store.ts';
import type { ExitStatus, Stdio } from '../sandbox/sandbox.ts';
import { fillVolume } from './fill-volume.ts';
import { resolveImage } from './images.ts';
import { logStreams, throughPipes } from './logged-streams.ts';
import { openDefaultStore } from './open-default-store.ts';
import { ownStreams } from './own-streams.ts';
import type { RunRequest } from './types.ts';

export type { ExitStatus };

/** How a container's streams are wired. */
export type RunStdio =
  /**
   * This process' own; without `stdin`, the container's is /dev/null. Streams that cannot be handed on as they are
   * (terminals, files) are pipes instead, which the caller finds in `Running` and has to pump.
   */
  | {
      readonly kind: 'inherit';
      readonly stdin: boolean;
      /** True unless told; else what the container writes is lost. */
      readonly stdout?: boolean;
      readonly stderr?: boolean;
      /**
       * Gets output that would come through such pipes, without the streams' cost, wherever nothing else has to read
       * it. The next bytes are read when it has resolved; with false none are, and the container's next write fails.
       */
      readonly take?: (stream: 1 | 2, data: Uint8Array) => Promise<boolean> | undefined;
    }
  | { readonly kind: 'pipes'; readonly stdin: 'null' | 'pipe' }
  | { readonly kind: 'terminal'; readonly rows: number; readonly columns: number };

/** A container that runs. */
export interface Running {
  readonly id: string;
  readonly name: string;
  /** PID 1 of the container as the host sees it. */
  readonly pid: number;
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  /** The terminal's outer side; destroying it hangs up. */
  readonly terminal?: Duplex;
  kill(signal: number): void;
  resize(rows: number, columns: number): void;
  /** When it has ended, all its output has been read, and what has to be removed is removed. */
  wait(): Promise<ExitStatus>;
}

/**
 * Starts a container: finds (or pulls) the image, makes its root, launches its command. The container ends with this
 * process, or when `request.signal` is aborted.
 */
export async function run(request: RunRequest, stdio: RunStdio): Promise<Running> {
  const {
    image: text,
    name,
    remove,
    pull,
    platform,
    storeRoot,
    mechanism,
    signal,
    report,
    ...options
  } = request;
  const store = openDefaultStore({ ...(storeRoot !== undefined && { storeRoot }) });
  try {
    const image = await resolveImage(store, text, {
      pull: pull ?? 'missing',
      ...(platform && { platform }),
      ...(report && { report }),
      ...(signal && { signal }),
    });
    const owned = await createContainer(store, {
      image,
      options,
      ...(name !== undefined && { name }),
      remove: remove ?? false,
      startsAtOnce: true,
      fillVolume: (path, directory) => fillVolume(store, image.layers, path, directory),
      ...(signal && { signal }),
    });
    // As for Docker `tsctr logs` shows it later; nobody can ask for that of one that is removed at its end.
    const isKept = remove !== true && options.log?.driver !== 'none';
    const { process: launched, ...container } = await startOrDiscard(store, owned, {
      stdio: isKept ? throughPipes(wiring(stdio)) : wiring(stdio),
      managed: false,
      ...(mechanism && { mechanism }),
      ...(signal && { signal }),
    });
    const ended = finish(store, owned, container.wait(), remove ?? false).finally(() => store.close());
    ended.catch(() => {}); // told to whoever waits
    const { pid, stdin, terminal } = launched;
    const { stdout, stderr } = isKept ? logStreams(store, owned.id, launched) : launched;
    return {
      id: container.id,
      name: container.name,
      pid,
      ...(stdin && { stdin }),
      ...(stdout && { stdout }),
      ...(stderr && { stderr }),
      ...(terminal && { terminal }),
      kill: (number) => launched.kill(number),
      resize: (rows, columns) => launched.resize(rows, columns),
      wait: () => ended,
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** A container that could not be started leaves nothing. */
async function startOrDiscard(
  store: Store,
  owned: OwnedContainer,
  request: StartRequest,
): Promise<RunningContainer> {
  try {
    return await startContainer(store, owned, request);
  } catch (error) {
    discardContainer(new ContainerStore(store), owned);
    throw error;
  }
}

async function finish(
  store: Store,
  owned: OwnedContainer,
  ended: Promise<ExitStatus>,
  remove: boolean,
): Promise<ExitStatus> {
  const containers = new ContainerStore(store);
  const status = await ended;
  if (remove) discardContainer(containers, owned);
  else {
    await containers.updateIfWritable(owned.id, exited(status));
    owned.release();
  }
  return status;
}

function wiring(stdio: RunStdio): Stdio {
  return stdio.kind === 'inherit' ? ownStreams(stdio) : stdio;
}
