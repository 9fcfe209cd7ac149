import { attachToRunning } from '../../index.ts';
import { follow } from '../attached.ts';
import type { CommandModule } from '../tsctr.ts';

interface AttachValues {
  readonly detachKeys?: string;
  readonly stdin: boolean;
  readonly sigProxy: boolean;
}

export const attach: CommandModule = {
  // Our streams may be a terminal that is shared: nothing is to happen to them but what `follow` does.
  passThrough: true,
  declare(command, done) {
    command
      .argument('<container>')
      .option('--detach-keys <keys>', 'keys that leave the container alone (ctrl-p,ctrl-q)')
      .option('--no-stdin', 'do not attach standard input')
      .option('--sig-proxy', 'pass signals on to the container (default true)', true)
      .option('--no-sig-proxy', 'let signals end this command')
      .action(async (name: string, { detachKeys, stdin, sigProxy }: AttachValues) => {
        const attached = await attachToRunning(name, { stdin });
        const interactive = stdin && (!attached.hasTerminal || process.stdin.isTTY === true);
        done(await follow(attached, { interactive, signalProxy: sigProxy, detachKeys }));
      });
  },
};
