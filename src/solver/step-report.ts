import type { Vertex } from '../llb/definition.ts';
import type { VertexEvent } from '../progress/events.ts';
import type { SolveRequest } from './operation.ts';

/** What BuildKit reports of a step that did not fail itself but was stopped. */
const CANCELED = 'context canceled';

const isAbort = (cause: unknown) => cause instanceof Error && cause.name === 'AbortError';

/** Tells the progress of one vertex, each state once. */
export class StepReport {
  #started: number | undefined;
  #done = false;

  constructor(
    readonly vertex: Vertex,
    readonly report: SolveRequest['report'],
  ) {}

  started(): void {
    this.#started = Date.now();
    this.#report({ started: this.#started });
  }

  /** `source`: the cache elsewhere that had it. */
  completed(cached: boolean, source?: string): void {
    if (this.#done) return;
    this.#done = true;
    const now = Date.now();
    this.#report({
      started: this.#started ?? now,
      completed: now,
      cached,
      ...(source !== undefined && { cachedFrom: source }),
    });
  }

  failed(cause: unknown): void {
    this.#done = true;
    const now = Date.now();
    const error = isAbort(cause) ? CANCELED : cause instanceof Error ? cause.message : String(cause);
    this.#report({ started: this.#started ?? now, completed: now, error });
  }

  #report(state: Partial<VertexEvent>): void {
    const { digest, inputs, meta } = this.vertex;
    this.report({ kind: 'vertex', digest, inputs, name: meta.name, ...state });
  }
}
