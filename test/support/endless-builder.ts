import { launch } from '../../src/sandbox/launch.ts';
import type { StartMechanism } from '../../src/sandbox/sandbox.ts';
import { useInitBundle } from '../../src/sandbox/start-reexec.ts';
import { shellSpec } from './specs.ts';

/*
 * Starts one container after another until it is killed: `MECHANISM LAYER DIRECTORY MARK INIT`. `MARK` is in the
 * environment of each container.
 */
const [, , mechanism, layer, directory, mark, init] = process.argv;
const { mkdirSync } = await import('node:fs');
useInitBundle(init!);
for (let index = 0; ; index++) {
  const [upper, work] = [`${directory}/u${index}`, `${directory}/w${index}`];
  mkdirSync(upper);
  mkdirSync(work);
  const running = await launch(
    shellSpec('sleep 1000', {
      process: { env: ['PATH=/bin', `MARK=${mark}`] },
      linux: { resources: { pids: { limit: 100 } } },
    }),
    {
      overlay: { lower: [layer!], upper, work, volatile: true },
      mechanism: mechanism as StartMechanism,
      stdio: { kind: 'pipes', stdin: 'null' },
    },
  );
  running.stdout?.resume();
  running.stderr?.resume();
  if (index === 0) process.stdout.write('ready\n');
  setTimeout(() => running.kill(9), 10);
  await running.wait();
}
