import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../../../layers/index.ts';
import { ContainerStore, type OwnedContainer } from '../../../../src/runtime/container-store.ts';
import { serve } from '../../../../src/runtime/supervisor/server.ts';
import { supervise } from '../../../../src/runtime/supervisor/supervise.ts';
import { describeCommands } from '../../../support/commands.ts';

describeCommands('supervise()', (commands) => {
  /** A created container, to be looked after by this process. */
  async function created(): Promise<{ containers: ContainerStore; owned: OwnedContainer }> {
    const store = openStore(commands().root);
    const listeners = new Map(SIGNALS.map((name) => [name, new Set(process.listeners(name))]));
    onTestFinished(() => {
      if (existsSync(commands().root)) store.close();
      for (const name of SIGNALS)
        for (const listener of process.listeners(name))
          if (!listeners.get(name)!.has(listener)) process.off(name, listener);
    });
    const { stdout } = await commands().tsctr(['create', '--network=none', 'busybox', 'sleep', '1000']);
    const containers = new ContainerStore(store);
    return { containers, owned: containers.tryOwn(containers.find(stdout.trim()))! };
  }

  describe.each([
    ['its record', ({ root }: { root: string }, id: string) => join(root, 'records/container', `${id}.json`)],
    ['its store', ({ root }: { root: string }) => root],
  ])('when %s is deleted', (_, path) => {
    test('kills the container, and ends', async () => {
      const { containers, owned } = await created();
      let pid = 0;
      const over = supervise(containers.store, owned, {
        listening() {},
        started: (error) => {
          expect(error).toBeUndefined();
          pid = containers.get(owned.id)!.process!.pid;
          rmSync(path(commands(), owned.id), { recursive: true });
        },
        lookEvery: 20,
      });
      await over.catch(() => {}); // A store that is gone is complained of.
      expect(pid).toBeGreaterThan(0);
      expect(existsSync(`/proc/${pid}`)).toBe(false);
    });
  });
});

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

test('serve() of a directory that is gone says so, and does not listen', async () => {
  const hooks = { streams: undefined as never, stdinOnce: false, wake() {} };
  await expect(serve('/nowhere', hooks)).rejects.toMatchObject({ code: 'ENOENT' });
});
