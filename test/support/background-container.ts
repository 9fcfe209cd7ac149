import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Commands } from './commands.ts';

/** A container that runs until it is stopped, or its test's suite ends. */
export interface BackgroundContainer {
  readonly name: string;
  readonly owner: ChildProcess;
  /** PID 1 as the host sees it. */
  pid(): Promise<number>;
  /** Kills it; resolves when nothing of it is left. */
  stop(): Promise<void>;
}

let next = 0;

/** Starts `tsrun` with a script that runs after it has said so; resolves when it has. */
export async function backgroundContainer(
  commands: Commands,
  options: readonly string[] = [],
  script = 'exec sleep 600',
): Promise<BackgroundContainer> {
  const name = `background${next++}`;
  const owner = commands.start('tsrun', [
    ...['--rm', '--network=none', '--name', name, ...options],
    ...['busybox', 'sh', '-c', `echo up; ${script}`],
  ]);
  let said = '';
  owner.stderr!.on('data', (text) => {
    said += String(text);
  });
  await Promise.race([
    once(owner.stdout!, 'data'),
    once(owner, 'close').then(() => Promise.reject(new Error(`The container has not started: ${said}`))),
  ]);
  owner.stdout!.resume();
  const closed = once(owner, 'close');
  return {
    name,
    owner,
    pid: async () => Number((await commands.tsctr(['inspect', '-f', '{{.State.Pid}}', name])).stdout),
    stop: async () => {
      if (owner.exitCode === null && owner.signalCode === null) await commands.tsctr(['kill', name]);
      await closed;
    },
  };
}
