import type { Layer } from '../../layers/index.ts';
import type { Vertex } from '../llb/definition.ts';
import type { CacheKey } from './operation.ts';
import { layersOf, type Result } from './result.ts';
import { type Solving, solved } from './solving.ts';
import type { StepReport } from './step-report.ts';

/** The layers that the step added, on top of its first input's; undefined on a miss. */
export async function fromCache(
  solving: Solving,
  vertex: Vertex,
  key: CacheKey,
): Promise<Result | undefined> {
  const known = solving.cache.lookup(key);
  const added = known?.map((diffId) => solving.snapshots.layer(diffId));
  if (known === undefined || added === undefined || added.includes(undefined)) return undefined;
  solved(solving.request, vertex, key, known, false);
  const base = vertex.inputs[0];
  const below = base === undefined ? [] : layersOf(await solving.result(base));
  return { kind: 'layers', layers: [...below, ...(added as Layer[])] };
}

/** The same from another cache, whose layers are fetched beside those of the inputs. */
export async function fromElsewhere(
  solving: Solving,
  vertex: Vertex,
  key: CacheKey,
  step: StepReport,
): Promise<Result | undefined> {
  const { cache, context } = solving;
  if (cache.promised?.(key) === undefined) return undefined;
  const base = vertex.inputs[0];
  const below = base === undefined ? undefined : solving.result(base);
  below?.catch(() => {});
  step.started();
  const source = await cache.fetch?.(key, vertex, context.signal);
  if (source === undefined) return undefined;
  const result = await fromCache(solving, vertex, key);
  if (result !== undefined) step.completed(true, source);
  return result;
}
