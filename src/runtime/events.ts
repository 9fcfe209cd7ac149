import { appendFileSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerState } from './container-state.ts';

/** Something that happened to a container, as Docker's API tells it. */
export interface ContainerEvent {
  /** What happened, once more, for those who read the older form. */
  readonly status: string;
  readonly id: string;
  readonly from: string;
  readonly Type: 'container';
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: 'local';
  /** Seconds, and nanoseconds, since 1970. */
  readonly time: number;
  readonly timeNano: number;
}

/** So many bytes are kept, and as many again of what was before. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Where the events of a store are: one JSON document a line. */
export function eventsPath(root: string): string {
  return join(root, 'events.log');
}

/** Notes that something has happened to a container. What cannot be noted, on a full disk, changes nothing else. */
export function noteEvent(
  root: string,
  { id, name, image, config, options }: ContainerState,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const now = Date.now();
  const event: ContainerEvent = {
    status: action,
    id,
    from: image,
    Type: 'container',
    Action: action,
    Actor: { ID: id, Attributes: { ...attributes, ...config.Labels, ...options.labels, image, name } },
    scope: 'local',
    time: Math.floor(now / 1000),
    timeNano: now * 1e6,
  };
  const path = eventsPath(root);
  try {
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MOST_BYTES) renameSync(path, `${path}.1`);
    appendFileSync(path, `${JSON.stringify(event)}\n`, { mode: 0o600 });
  } catch {
    // Nobody depends on it.
  }
}

/** The exit code that the last end of a container was noted with; it may have been removed since. */
export function lastExitCode(root: string, id: string): number | undefined {
  for (const path of [eventsPath(root), `${eventsPath(root)}.1`]) {
    const lines = readIfThere(path).split('\n').reverse();
    for (const line of lines) {
      // Most lines are of others: those are not parsed.
      if (!line.includes(id) || !line.includes('"die"')) continue;
      const { Action, Actor } = JSON.parse(line) as ContainerEvent;
      if (Action === 'die' && Actor.ID === id) return Number(Actor.Attributes.exitCode);
    }
  }
  return undefined;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
