import type { Layer, Store } from '../../layers/index.ts';
import type { LoweredBuild } from '../dockerfile/lower/request.ts';
import type { Report } from '../progress/events.ts';

/** Layers as `rewrite-timestamp=true` wants them, and what their descriptors say of it. */
export interface RewrittenLayers {
  readonly layers: readonly Layer[];
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * BuildKit's `rewrite-timestamp`: in the layers that are not the base's nothing is newer than the epoch. Those made with
 * the epoch known are so already; those from the cache may not be. Without an epoch it only warns.
 */
export async function rewriteTimes(
  store: Store,
  { image: { base } }: LoweredBuild,
  layers: readonly Layer[],
  { epoch, report }: { readonly epoch: number | undefined; readonly report: Report },
): Promise<RewrittenLayers | undefined> {
  if (epoch === undefined) {
    const short = 'rewrite-timestamp is specified, but no source-date-epoch was found';
    report({ kind: 'warning', short });
    return undefined;
  }
  const kept = base?.config.rootfs.diff_ids.length ?? 0;
  const newestNs = BigInt(epoch) * 1_000_000_000n;
  const own = layers.slice(kept).map((layer) => store.snapshots.notNewerThan(layer, newestNs));
  return {
    layers: [...layers.slice(0, kept), ...(await Promise.all(own))],
    annotations: { 'buildkit/rewritten-timestamp': String(epoch) },
  };
}
