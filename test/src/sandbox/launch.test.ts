import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeBusyboxRoot, rootfsProblem, type TestRoot } from '../../support/busybox-rootfs.ts';
import { bundleInit, mechanisms, runContainer, shellSpec } from '../../support/containers.ts';

if (rootfsProblem !== undefined) console.log(`skipped: launch(): ${rootfsProblem}`);

describe.skipIf(rootfsProblem !== undefined).each(mechanisms)('launch() by %s', (mechanism) => {
  let root: TestRoot;
  let removeBundle: () => void;
  beforeAll(async () => {
    root = makeBusyboxRoot();
    removeBundle = await bundleInit();
  });
  afterAll(() => {
    root.remove();
    removeBundle();
  });
  const run = (script: string, changes = {}, options = {}) =>
    runContainer(shellSpec(script, changes), { overlay: root.overlay(), mechanism, ...options });

  test('runs a program as PID 1 and reports its output and exit code', async () => {
    const result = await run('echo $$; echo problem >&2; exit 3');
    expect(result).toMatchObject({ code: 3, stdout: '1\n', stderr: 'problem\n', oomKilled: false });
  });
});
