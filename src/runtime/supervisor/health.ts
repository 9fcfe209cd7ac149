import type { HealthcheckConfig } from '../container-options.ts';
import type { HealthResult, HealthState } from '../container-state.ts';
import type { ContainerStore } from '../container-store.ts';
import { probeContainer } from '../probe.ts';

/** Docker's defaults, in milliseconds. */
const INTERVAL = 30_000;
const TIMEOUT = 30_000;
const START_INTERVAL = 5_000;
const RETRIES = 3;
/** So many results are kept. */
const KEPT = 5;

/** The command of a check; undefined when there is none. */
export function healthCommand({ test = [] }: HealthcheckConfig): readonly string[] | undefined {
  const [kind, ...words] = test;
  if (kind === 'CMD') return words.length > 0 ? words : undefined;
  if (kind === 'CMD-SHELL') return ['/bin/sh', '-c', words[0] ?? ''];
  return undefined;
}

/** What a container's health is after a further result. */
export function nextHealth(
  before: HealthState,
  result: HealthResult,
  { retries, inStartPeriod }: { readonly retries: number; readonly inStartPeriod: boolean },
): HealthState {
  const log = [...before.log, result].slice(-KEPT);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  // A failure while it is starting does not count, unless it has been healthy already.
  if (inStartPeriod && before.status === 'starting') return { ...before, log };
  const failingStreak = before.failingStreak + 1;
  return { status: failingStreak >= retries ? 'unhealthy' : before.status, failingStreak, log };
}

/** Checks the health of a running container until the answer is called. */
export function watchHealth(containers: ContainerStore, id: string, check: HealthcheckConfig): () => void {
  const command = healthCommand(check);
  if (command === undefined) return () => {};
  const abort = new AbortController();
  const begun = performance.now();
  const inStartPeriod = () => performance.now() - begun < (check.startPeriodMs ?? 0);
  let health: HealthState = { status: 'starting', failingStreak: 0, log: [] };
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    const quick = inStartPeriod() && health.status === 'starting';
    const interval = quick ? (check.startIntervalMs ?? START_INTERVAL) : (check.intervalMs ?? INTERVAL);
    timer = setTimeout(() => void round(), interval);
  };
  const round = async () => {
    const result = await probe(containers, id, command, check.timeoutMs ?? TIMEOUT, abort.signal);
    if (abort.signal.aborted) return;
    const before = health.status;
    const options = { retries: check.retries ?? RETRIES, inStartPeriod: inStartPeriod() };
    if (result !== undefined) {
      health = nextHealth(health, result, options);
      await containers.updateIfWritable(id, { health });
      if (health.status !== before) containers.note(id, `health_status: ${health.status}`);
    }
    if (!abort.signal.aborted) wait();
  };
  wait();
  return () => {
    clearTimeout(timer);
    abort.abort();
  };
}

/** Undefined when it cannot be told, as of a paused container. */
async function probe(
  containers: ContainerStore,
  id: string,
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HealthResult | undefined> {
  const state = containers.get(id);
  if (state === undefined || state.status !== 'running') return undefined;
  const start = new Date().toISOString();
  const result = (exitCode: number, output: string): HealthResult => ({
    start,
    end: new Date().toISOString(),
    exitCode,
    output,
  });
  try {
    const { code, timedOut, output } = await probeContainer(state, { args, timeoutMs, signal });
    return timedOut
      ? result(-1, `Health check exceeded timeout (${timeoutMs / 1000}s): ${output}`)
      : result(code, output);
  } catch (error) {
    return result(-1, (error as Error).message);
  }
}
