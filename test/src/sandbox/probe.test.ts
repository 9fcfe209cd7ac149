import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { probeHost } from '../../../src/sandbox/probe.ts';
import { rootfsProblem } from '../../support/busybox-rootfs.ts';
import { failing, recordingSyscalls } from '../../support/recording-syscalls.ts';

test.skipIf(rootfsProblem !== undefined)(
  'probeHost() finds that containers can be started where tests start them',
  async () => {
    const { canIsolate, findings } = await probeHost();
    expect({ canIsolate, missing: findings.filter(({ ok, required }) => required && !ok) }).toEqual({
      canIsolate: true,
      missing: [],
    });
  },
);

test('probeHost() says what is missing and what to do about it', async () => {
  const sys = recordingSyscalls({
    capget: () => ({ effective: 0n, permitted: 0n, inheritable: 0n }),
    fsopen: failing('fsopen', constants.errno.EPERM),
  });
  const { canIsolate, findings } = await probeHost(sys);
  expect(canIsolate).toBe(false);
  expect(findings.filter(({ ok, required }) => required && !ok)).toEqual([
    {
      name: 'the right to make namespaces and mounts',
      ok: false,
      required: true,
      detail: 'no CAP_SYS_ADMIN',
      remedy: 'run as root, in a container with --privileged or --cap-add SYS_ADMIN',
    },
    expect.objectContaining({ detail: 'operation not permitted', remedy: 'needs Linux 5.12' }),
    expect.objectContaining({ name: 'overlay file systems', ok: false }),
  ]);
});

test('probeHost() leaves no descriptor open', async () => {
  const sys = recordingSyscalls();
  await probeHost(sys);
  const opened = sys.names('openat2', 'fsopen', 'fsmount', 'pidfdOpen').length;
  expect(sys.names('close')).toHaveLength(opened);
});
