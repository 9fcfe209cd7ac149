import { type ContainerEvent, eventsPath } from '../runtime/events.ts';
import { readLines } from '../runtime/logs/read-log.ts';
import { openDefaultStore } from './open-default-store.ts';
import type { StoreLocation } from './with-store.ts';

export type { ContainerEvent };

export interface EventsRequest extends StoreLocation {
  /** Milliseconds since 1970. Without it, only what happens from now on. */
  readonly since?: number;
  /** Ends then; without it, never. */
  readonly until?: number;
  readonly signal?: AbortSignal;
}

/** What happens to the containers of a store. */
export async function* events(request: EventsRequest = {}): AsyncGenerator<ContainerEvent> {
  const { since, until, signal } = request;
  const store = openDefaultStore(request);
  const path = eventsPath(store.root);
  store.close();
  yield* readLines<ContainerEvent>(path, ({ timeNano }) => timeNano / 1e6, {
    ...(since === undefined ? { tail: 0 } : { since }),
    ...(until !== undefined && { until }),
    follow: () => true,
    ...(signal && { signal }),
  });
}
