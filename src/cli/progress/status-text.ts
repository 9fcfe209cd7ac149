import type { StatusEvent } from '../../index.ts';
import { humanSize } from '../format/size.ts';
import { seconds } from './steps.ts';

/** `downloading 1.2MB / 3.4MB 0.5s`, and `done` when it is. */
export function statusText({ id, current, total, started, completed }: StatusEvent, now: number): string {
  const size =
    total === undefined || total === current
      ? humanSize(current)
      : `${humanSize(current)} / ${humanSize(total)}`;
  const done = completed === undefined ? '' : ' done';
  return `${shortened(id)} ${size} ${seconds(started, completed ?? now)}${done}`;
}

/** `source`: the cache that had it, other than the store's. */
export function cachedText(source: string | undefined): string {
  return source === undefined ? 'CACHED' : `CACHED (from ${source})`;
}

/** Digests by their first digits. */
function shortened(id: string): string {
  return id.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/, '$1');
}
