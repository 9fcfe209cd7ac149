import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../../layers/index.ts';
import type { ContainerState } from '../../../src/runtime/container-state.ts';
import { ContainerStore } from '../../../src/runtime/container-store.ts';
import { probeContainer } from '../../../src/runtime/probe.ts';
import { type BackgroundContainer, backgroundContainer } from '../../support/background-container.ts';
import { describeCommands } from '../../support/commands.ts';
import { bundleInit } from '../../support/containers.ts';

describeCommands('probeContainer()', (commands) => {
  let container: BackgroundContainer;
  let state: ContainerState;
  let removeBundle: () => void;
  beforeAll(async () => {
    removeBundle = await bundleInit();
    container = await backgroundContainer(commands(), ['-e', 'ANSWER=42', '-u', 'user']);
    const store = openStore(commands().root);
    state = new ContainerStore(store).find(container.name);
    store.close();
  });
  afterAll(async () => {
    await container?.stop();
    removeBundle?.();
  });
  const probe = (script: string, more = {}) =>
    probeContainer(state, { args: ['sh', '-c', script], timeoutMs: 60_000, ...more });

  test('answers the exit code and both outputs of a command, as the container’s user', async () => {
    const result = await probe('echo $ANSWER; id -u >&2; exit 3');
    expect(result).toEqual({ code: 3, timedOut: false, output: '42\n1000\n' });
  });

  test('keeps as much of the output as it is told, and lets the command write on', async () => {
    const { code, output } = await probe('head -c 300000 /dev/zero | tr "\\0" x', { mostOutput: 10 });
    expect({ code, output }).toEqual({ code: 0, output: 'xxxxxxxxxx' });
  });

  test('kills a command that takes too long, whatever holds its output', async () => {
    const result = await probe('echo begun; sleep 600 & sleep 600', { timeoutMs: 1500 });
    expect(result).toEqual({ code: -1, timedOut: true, output: 'begun\n' });
  });

  test('rejects when the command is not there', async () => {
    const missing = probeContainer(state, { args: ['nosuch'], timeoutMs: 60_000 });
    await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('rejects when the container has ended', async () => {
    await container.stop();
    await expect(probe('true')).rejects.toMatchObject({
      code: 'CONFLICT',
      message: `container ${state.id} is not running`,
    });
  });
});
