import type { Syscalls } from '../linux/syscalls.ts';
import type { StartPlan } from './plan.ts';
import type { Child } from './wait.ts';

/** A child that has reached exec. */
export interface Started {
  readonly child: Child;
  readonly stubs: readonly string[];
  /** Master of its terminal, when the plan has one. */
  readonly terminal: number | undefined;
}

/**
 * One way to make the child of a plan. `streams` become its 0, 1 and 2. Resolves when it has reached exec; rejects, with
 * no child left, when it has not.
 */
export type StartMethod = (
  plan: StartPlan,
  streams: readonly number[] | undefined,
  sys: Syscalls,
) => Promise<Started>;
