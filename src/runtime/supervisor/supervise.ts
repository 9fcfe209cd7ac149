import { constants } from 'node:os';
import type { Store } from '../../../layers/index.ts';
import type { ExitStatus, Stdio } from '../../sandbox/sandbox.ts';
import { discardContainer, exited, type RunningContainer, startContainer } from '../container.ts';
import type { ContainerState } from '../container-state.ts';
import { ContainerStore, type OwnedContainer } from '../container-store.ts';
import { healthcheckOf } from '../healthcheck.ts';
import { LogFile, logBounds, logPath } from '../logs/log-file.ts';
import { processIdentity } from '../process-identity.ts';
import { signalNumber } from '../signals.ts';
import { watchHealth } from './health.ts';
import { ContainerStreams } from './output.ts';
import { RestartSchedule } from './restart-policy.ts';
import { serve } from './server.ts';
import { startFailure } from './start-failure.ts';

export interface SuperviseOptions {
  /** Start only when somebody is attached, so that nothing of the output is missed. Rejects when nobody will be. */
  readonly awaitAttached?: Promise<never>;
  /** One can attach now. */
  readonly listening: () => void;
  /** It runs, or why not. Once. */
  readonly started: (error?: unknown) => void;
  /** Milliseconds between two looks whether the store still has the container. */
  readonly lookEvery?: number;
}

/** A container whose store has been deleted goes on for so long at most. */
const LOOK_EVERY_MS = 10_000;

/** Looks after a container from its start until it has ended for good: its log, who is attached, its restarts. */
export async function supervise(
  store: Store,
  owned: OwnedContainer,
  options: SuperviseOptions,
): Promise<void> {
  const supervisor = new Supervisor(store, owned);
  const stopServing = await supervisor.serve();
  const stopLooking = supervisor.endWithStore(options.lookEvery ?? LOOK_EVERY_MS);
  try {
    options.listening();
    if (options.awaitAttached) await Promise.race([supervisor.streams.firstAttached, options.awaitAttached]);
    await supervisor.run(options.started);
  } finally {
    stopLooking();
    stopServing();
  }
}

class Supervisor {
  readonly containers: ContainerStore;
  readonly streams: ContainerStreams;
  readonly #log: LogFile | undefined;
  readonly #initial: ContainerState;
  #running: RunningContainer | undefined;
  /** The system wants this process to end. */
  #ending = false;
  #wake: () => void = () => {};

  constructor(
    readonly store: Store,
    readonly owned: OwnedContainer,
  ) {
    this.containers = new ContainerStore(store);
    this.#initial = this.#state()!;
    const bounds = logBounds(this.#initial.options.log);
    const directory = this.containers.directoryOf(owned.id);
    this.#log = bounds && new LogFile(logPath(directory, owned.id), bounds);
    this.streams = new ContainerStreams(this.#log);
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => this.#end());
    process.on('SIGHUP', () => {});
  }

  serve(): Promise<() => void> {
    return serve(this.containers.directoryOf(this.owned.id), {
      streams: this.streams,
      stdinOnce: this.#initial.options.stdinOnce ?? false,
      wake: () => this.#wake(),
    });
  }

  /** Kills what nobody could find any more, since its record or all of the store was deleted; the answer stops that. */
  endWithStore(lookEvery: number): () => void {
    const timer = setInterval(() => {
      if (!this.#isGone()) return;
      this.#ending = true;
      this.#wake();
      this.#running?.process.kill(constants.signals.SIGKILL);
    }, lookEvery).unref();
    return () => clearInterval(timer);
  }

  async run(started: (error?: unknown) => void): Promise<void> {
    const schedule = new RestartSchedule(this.#initial.options.restart, 0);
    for (let isFirst = true; ; isFirst = false) {
      const begin = performance.now();
      const status = await this.#once(isFirst ? started : () => {});
      if (status === undefined) return; // It could not be started at all.
      if (!(await this.#goesOn(schedule, status, performance.now() - begin))) return;
    }
  }

  /** One life of the process. A failure to start the first time is the caller's, later ones count as an end. */
  async #once(started: (error?: unknown) => void): Promise<ExitStatus | undefined> {
    try {
      this.#running = await startContainer(this.store, this.owned, {
        stdio: stdioOf(this.#initial),
        managed: true,
      });
    } catch (error) {
      const { code, message } = startFailure(error);
      const isFirst = this.#running === undefined;
      await this.containers.updateIfWritable(this.owned.id, {
        error: message,
        exitCode: code,
        owner: undefined,
      });
      if (!isFirst) return { code, oomKilled: false };
      started(error);
      await this.streams.dismiss({ code });
      return undefined;
    }
    this.streams.connect(this.#running.process);
    if (this.#ending) this.#askToEnd();
    const check = healthcheckOf(this.#initial);
    const stopWatching = check ? watchHealth(this.containers, this.owned.id, check) : () => {};
    started();
    try {
      const status = await this.#running.wait();
      await this.streams.ended();
      return status;
    } finally {
      stopWatching();
    }
  }

  /** Records the end; resolves, when its time has come, with whether it is to be started again. */
  async #goesOn(schedule: RestartSchedule, status: ExitStatus, ran: number): Promise<boolean> {
    const { id } = this.owned;
    const intent = this.#ending ? 'stop' : this.#state()?.intent;
    const wait =
      intent === 'restart' ? 0 : schedule.next({ exitCode: status.code, stopped: intent === 'stop', ran });
    if (wait === undefined || this.#state() === undefined) {
      await this.#finish(status);
      return false;
    }
    await this.containers.updateIfWritable(id, {
      ...exited(status),
      status: 'restarting',
      owner: processIdentity(process.pid),
      ...(intent === 'restart' ? { restartCount: 0, intent: undefined } : { restartCount: schedule.count }),
    });
    await this.streams.dismiss(status);
    await this.#sleep(wait);
    if (!this.#ending && this.#state()?.intent !== 'stop') return true;
    await this.#finish(status);
    return false;
  }

  async #finish(status: ExitStatus): Promise<void> {
    this.#log?.close();
    const state = this.#state();
    if (state?.remove) discardContainer(this.containers, this.owned);
    else {
      // What was asked for stays: by it `unless-stopped` is told after the machine has been restarted.
      await this.containers.updateIfWritable(this.owned.id, exited(status));
      this.owned.release();
    }
    await this.streams.dismiss(status);
  }

  #sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #state(): ContainerState | undefined {
    return this.containers.get(this.owned.id);
  }

  #isGone(): boolean {
    try {
      return this.#state() === undefined && !this.containers.list().some(({ id }) => id === this.owned.id);
    } catch {
      return false; // What cannot be read now is not gone.
    }
  }

  #end(): void {
    this.#ending = true;
    this.#wake();
    this.#askToEnd();
  }

  /** As `stop` does; whoever wants this process to end kills it, and the container with it, if that takes too long. */
  #askToEnd(): void {
    const { options, config } = this.#initial;
    const signal = signalNumber(options.stopSignal ?? config.StopSignal ?? 'SIGTERM');
    this.#running?.process.kill(signal);
    const grace = options.stopTimeoutSeconds ?? 10;
    if (grace >= 0)
      setTimeout(() => this.#running?.process.kill(constants.signals.SIGKILL), grace * 1000).unref();
  }
}

function stdioOf({ options }: ContainerState): Stdio {
  if (options.terminal !== undefined) return { kind: 'terminal', ...options.terminal };
  return { kind: 'pipes', stdin: options.interactive ? 'pipe' : 'null' };
}
