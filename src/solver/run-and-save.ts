import type { Vertex } from '../llb/definition.ts';
import { fromCache } from './cached-step.ts';
import { layersOf, type Result } from './result.ts';
import { type Solving, solved } from './solving.ts';
import type { StepKey } from './step-keys.ts';
import type { StepReport } from './step-report.ts';

/** A step that runs, in two stages. */
interface RunningStep {
  /** As soon as it can be stacked. */
  readonly result: Promise<Result>;
  /** When its layers are hashed and its cache record is written. */
  readonly saved: Promise<void>;
}

/**
 * Runs the step while holding its key, so that another process that wants the same waits and then finds it cached.
 * The result is handed on as soon as it can be stacked; the record follows when its layers are hashed.
 */
export function runAndSave(
  solving: Solving,
  vertex: Vertex,
  { key, parts }: StepKey,
  base: Result | undefined,
  run: () => Promise<Result>,
  step: StepReport,
): RunningStep {
  const { request, cache, context } = solving;
  const save = async (result: Result) => {
    const added = layersOf(result).slice(base === undefined ? 0 : layersOf(base).length);
    const diffs = await Promise.all(added.map((layer) => layer.diff));
    const ids = diffs.map(({ diffId }) => diffId);
    cache.save(key, ids, { name: vertex.meta.name, parts });
    solved(request, vertex, key, ids, true);
  };
  let saved!: Promise<void>;
  const result = new Promise<Result>((resolve, reject) => {
    const attempt = async () => {
      if (!vertex.meta.ignoreCache) {
        const cached = await fromCache(solving, vertex, key);
        if (cached !== undefined) {
          step.completed(true);
          resolve(cached);
          return;
        }
      }
      const made = await run();
      resolve(made);
      await save(made);
    };
    saved = cache.exclusive(key, attempt, context.signal);
    saved.catch(reject);
  });
  return { result, saved };
}
