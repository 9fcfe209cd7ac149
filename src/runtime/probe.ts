import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { ContainerState } from './container-state.ts';
import { type ExecOptions, execInContainer } from './exec.ts';

/** A short command in a container whose answer is wanted: its HEALTHCHECK. */
export interface ProbeOptions extends Pick<ExecOptions, 'args' | 'env' | 'user' | 'workdir'> {
  /** Milliseconds, after which it is killed. */
  readonly timeoutMs: number;
  /** So many bytes of its output are kept; the rest is read and dropped. Default: 4096, as Docker's. */
  readonly mostOutput?: number;
  readonly signal?: AbortSignal;
}

export interface ProbeResult {
  /** Exit code; -1 when it took too long. */
  readonly code: number;
  readonly timedOut: boolean;
  /** Of both streams, in the order in which it came. */
  readonly output: string;
}

/**
 * Runs a command in a running container to its end, or to the end of its time. Rejects as `execInContainer` does, when
 * it cannot be started.
 */
export async function probeContainer(state: ContainerState, options: ProbeOptions): Promise<ProbeResult> {
  const { timeoutMs, mostOutput = 4096, signal, ...command } = options;
  const begun = performance.now();
  const started = await execInContainer(state, {
    ...command,
    stdio: { kind: 'pipes', stdin: 'null' },
    ...(signal && { signal }),
  });
  const output = collect([started.stdout!, started.stderr!], mostOutput);
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      started.kill(constants.signals.SIGKILL);
      // What it has started may hold them open.
      for (const stream of [started.stdout, started.stderr]) stream?.destroy();
    },
    Math.max(0, timeoutMs - (performance.now() - begun)),
  );
  try {
    const { code } = await started.wait();
    return { code: timedOut ? -1 : code, timedOut, output: output().toString() };
  } finally {
    clearTimeout(timer);
  }
}

/** Reads the streams to their ends; the answer is what has been kept so far. */
function collect(streams: readonly Readable[], most: number): () => Buffer {
  const kept: Buffer[] = [];
  let length = 0;
  for (const stream of streams)
    stream.on('data', (chunk: Buffer) => {
      const piece = chunk.subarray(0, most - length);
      if (piece.length > 0) kept.push(piece);
      length += piece.length;
    });
  return () => Buffer.concat(kept);
}
