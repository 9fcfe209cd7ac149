import type { RestartPolicy } from '../container-options.ts';

/** Docker's: the first wait, and the longest one. */
const SHORTEST_MS = 100;
const LONGEST_MS = 60_000;
/** Whoever ran that long begins anew. */
const STEADY_MS = 10_000;

export interface Ending {
  readonly exitCode: number;
  /** Somebody has stopped it. */
  readonly stopped: boolean;
  /** How long it ran, in milliseconds. */
  readonly ran: number;
}

/** Whether, and after what time, a container that keeps ending is started again. */
export class RestartSchedule {
  readonly #policy: RestartPolicy | undefined;
  #wait = 0;
  #count: number;

  /** `count`: how often it was started again before. */
  constructor(policy: RestartPolicy | undefined, count = 0) {
    this.#policy = policy;
    this.#count = count;
  }

  /** So many starts by the policy. */
  get count(): number {
    return this.#count;
  }

  /** Milliseconds to wait before the next start; undefined when there is none. */
  next(ending: Ending): number | undefined {
    if (ending.ran >= STEADY_MS) this.#wait = 0;
    if (!shouldRestart(this.#policy, { ...ending, restarts: this.#count })) return undefined;
    this.#wait = this.#wait === 0 ? SHORTEST_MS : Math.min(this.#wait * 2, LONGEST_MS);
    this.#count++;
    return this.#wait;
  }
}

/** What a policy says of a container that has ended. */
export function shouldRestart(
  policy: RestartPolicy | undefined,
  {
    exitCode,
    stopped,
    restarts,
  }: { readonly exitCode: number; readonly stopped: boolean; readonly restarts: number },
): boolean {
  if (policy === undefined || stopped) return false;
  if (policy.name === 'on-failure') {
    const { maximumRetryCount: most } = policy;
    return exitCode !== 0 && (most === 0 || restarts < most);
  }
  return policy.name !== 'no';
}
