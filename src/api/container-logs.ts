import { isInUse } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { logBounds, logPath } from '../runtime/logs/log-file.ts';
import { readLog } from '../runtime/logs/read-log.ts';
import { ApiError } from './errors.ts';
import { openDefaultStore } from './open-default-store.ts';
import type { StoreLocation } from './with-store.ts';

export type { LogEntry } from '../runtime/logs/log-file.ts';

export interface LogsRequest extends StoreLocation {
  /** The last so many lines; all unless told. */
  readonly tail?: number;
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly until?: number;
  /** Go on until the container has ended. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** What a container has put out, oldest first. Throws `NOT_FOUND`, and `UNSUPPORTED` where none is kept. */
export async function* containerLogs(name: string, request: LogsRequest = {}) {
  const store = openDefaultStore(request);
  try {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const { id, options } = containers.find(name);
    if (logBounds(options.log) === undefined)
      throw new ApiError('UNSUPPORTED', name, 'configured logging driver does not support reading');
    const runs = () => {
      const state = containers.get(id);
      return state !== undefined && isInUse(state);
    };
    const { tail, since, until, follow, signal } = request;
    yield* readLog(logPath(containers.directoryOf(id), id), {
      ...(tail !== undefined && { tail }),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      ...(follow && { follow: runs }),
      ...(signal && { signal }),
    });
  } finally {
    store.close();
  }
}
