import { type HistoryEntry, isoTime, type Layer } from '../../layers/index.ts';
import { timestamp } from '../dockerfile/lower/epoch.ts';

/**
 * Gives history entries their times: that of its layer, or of the one before, so that a build from the cache gives the
 * very image it gave before. Entries of the base have theirs already. With an epoch, that is the time of all new ones.
 */
export async function withTimes(
  history: readonly HistoryEntry[],
  layers: readonly Layer[],
  options: {
    readonly baseCreated: string | undefined;
    /** Entries that are the base's. */
    readonly baseEntries?: number;
    readonly epoch: number | undefined;
  },
): Promise<{ readonly history: readonly HistoryEntry[]; readonly created: string }> {
  const times = await Promise.all(layers.map(async (layer) => (await layer.diff).createdAt));
  const { baseEntries = 0 } = options;
  const epoch = options.epoch === undefined ? undefined : timestamp(options.epoch);
  let layer = 0;
  let last = options.baseCreated ?? epoch ?? isoTime(new Date(0));
  const entries = history.map((entry, index) => {
    const own = entry.empty_layer ? undefined : times[layer++];
    if (entry.created !== undefined) {
      // What the base tells stays; the Dockerfile's own epoch gives way to that of an output.
      last = isAfter(entry.created, index < baseEntries ? undefined : epoch) ? epoch! : entry.created;
      return last === entry.created ? entry : { ...entry, created: last };
    }
    // A layer that an older build made too has the time of that one: no step is older than the one before it.
    last = epoch ?? (own !== undefined && own > last ? own : last);
    return { created: last, ...entry };
  });
  return { history: entries, created: last };
}

function isAfter(time: string, limit: string | undefined): boolean {
  return limit !== undefined && Date.parse(time) > Date.parse(limit);
}
