import { startContainer } from '../runtime/container.ts';
import type { ExitStatus, Stdio } from '../sandbox/sandbox.ts';
import { fillVolume } from './fill-volume.ts';
import { resolveImage } from './images.ts';
import { openDefaultStore } from './open-default-store.ts';
import type { RunRequest } from './types.ts';

/** How a container's streams are wired. */
export type RunStdio =
  /** This process' own; without `stdin`, the container's is /dev/null. */
  | { readonly kind: 'inherit'; readonly stdin: boolean }
  | { readonly kind: 'pipes'; readonly stdin: 'null' | 'pipe' }
  | { readonly kind: 'terminal'; readonly rows: number; readonly columns: number };

/** A container that runs. */
export interface Running {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly stdin?: NodeJS.WritableStream;
  readonly stdout?: NodeJS.ReadableStream;
  readonly stderr?: NodeJS.ReadableStream;
  readonly terminal?: NodeJS.ReadWriteStream;
  readonly kill: (signal: number) => void;
  readonly resize: (rows: number, columns: number) => void;
  wait(): Promise<ExitStatus>;
}

/** Starts a container: finds (or pulls) the image, makes its root, launches its command. */
export async function run(request: RunRequest, stdio: RunStdio): Promise<Running> {
  const store = openDefaultStore(request);
  try {
    const image = await resolveImage(store, request.image, {
      pull: request.pull ?? 'missing',
      ...(request.platform && { platform: request.platform }),
      ...(request.signal && { signal: request.signal }),
    });
    const { process: launched, ...container } = await startContainer(store, {
      image,
      options: request,
      ...(request.name !== undefined && { name: request.name }),
      remove: request.remove ?? false,
      stdio: wiring(stdio),
      fillVolume: (path, directory) => fillVolume(store, image.layers, path, directory),
      ...(request.mechanism && { mechanism: request.mechanism }),
    });
    return {
      id: container.id,
      name: container.name,
      pid: launched.pid,
      ...(launched.stdin && { stdin: launched.stdin }),
      ...(launched.stdout && { stdout: launched.stdout }),
      ...(launched.stderr && { stderr: launched.stderr }),
      ...(launched.terminal && { terminal: launched.terminal }),
      kill: (signal) => launched.kill(signal),
      resize: (rows, columns) => launched.resize(rows, columns),
      async wait() {
        try {
          return await container.wait();
        } finally {
          store.close();
        }
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

function wiring(stdio: RunStdio): Stdio {
  if (stdio.kind !== 'inherit') return stdio;
  return { kind: 'fds', stdin: stdio.stdin ? 0 : 'null', stdout: 1, stderr: 2 };
}
