import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultMounts } from '../../src/sandbox/defaults.ts';
import { launch } from '../../src/sandbox/launch.ts';
import type { LaunchOptions } from '../../src/sandbox/sandbox.ts';
import { describeContainers, text } from '../support/containers.ts';
import { hostMounts } from '../support/host-mounts.ts';
import { type SpecChanges, shellSpec } from '../support/specs.ts';

/*
 * Attacks that other runtimes have fallen for. Each has a canary on the host: a directory whose contents, names and
 * times must be the same afterwards.
 */
const soak = Number(process.env.SOAK ?? 1);
let canary: string;
beforeAll(() => {
  canary = mkdtempSync(join(tmpdir(), 'tsbuild-canary-'));
  mkdirSync(join(canary, 'directory'));
  writeFileSync(join(canary, 'file'), 'canary');
});
afterAll(() => rmSync(canary, { recursive: true }));

function fingerprint(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const path = join(directory, name);
    const { mode, mtimeNs, size } = lstatSync(path, { bigint: true });
    hash.update(JSON.stringify([name, `${mode}`, `${mtimeNs}`, `${size}`]));
  }
  return hash.digest('hex');
}

/** `sub` of the volume is by turns a directory and a link to the canary. Containers make directories meanwhile. */
const flipDirectoryAndLink = `
  const fs = require('node:fs');
  const { volume, canary, stop } = require('node:worker_threads').workerData;
  const sub = volume + '/sub';
  while (Atomics.load(stop, 0) === 0) {
    try {
      fs.rmSync(sub, { recursive: true, force: true });
      fs.symlinkSync(canary + '/directory', sub);
      fs.unlinkSync(sub);
      fs.mkdirSync(sub);
    } catch {}
  }`;

describeContainers('hostile images', ({ run, root, mechanism }) => {
  let next = 0;
  /** A copy of the root, changed: what to run it with, each time with a new upper directory. */
  function image(change: (layer: string) => void): () => { overlay: NonNullable<LaunchOptions['overlay']> } {
    const layer = join(root().base, `image${next++}`);
    cpSync(root().layer, layer, { recursive: true, verbatimSymlinks: true });
    change(layer);
    return () => ({ overlay: { ...root().overlay(), lower: [layer] } });
  }

  /** Runs, or is refused; either way the canary is as it was. */
  async function harmless(
    script: string,
    changes: SpecChanges,
    options: Partial<LaunchOptions>,
  ): Promise<string> {
    const before = fingerprint(canary);
    const outcome = await run(script, changes, options).then(
      ({ stdout }) => stdout,
      (error: unknown) => String(error),
    );
    expect(fingerprint(canary)).toBe(before);
    expect(outcome).not.toContain('canary-content');
    return outcome;
  }

  // R01: CVE-2024-21626.
  test.each(Array.from({ length: 61 }, (_, index) => index + 3).filter((fd) => fd < 12 || fd % 10 === 0))(
    'cannot start in descriptor %i of the runtime (R01)',
    async (fd) => {
      for (const cwd of [`/proc/self/fd/${fd}`, `/proc/self/fd/${fd}/../../..`, `/proc/1/fd/${fd}`])
        await expect(run('pwd', { process: { cwd } })).rejects.toMatchObject({ name: 'SandboxError' });
    },
  );

  test('cannot start in a link to a descriptor (R01)', async () => {
    const options = image((layer) => symlinkSync('/proc/self/fd/8/', join(layer, 'work')));
    await expect(run('pwd', { process: { cwd: '/work' } }, options())).rejects.toMatchObject({
      name: 'SandboxError',
    });
  });

  // R02: CVE-2025-31133.
  test('cannot have its own /dev/null taken for the mask (R02)', async () => {
    for (const target of ['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger']) {
      const options = image((layer) => {
        mkdirSync(join(layer, 'dev'));
        symlinkSync(target, join(layer, 'dev/null'));
      });
      const script = 'cat /proc/timer_list /proc/keys 2>/dev/null | wc -c; (echo x >/proc/keys) 2>&1';
      expect(await harmless(script, {}, options())).toMatch(/^0\n/);
      const withoutDev = defaultMounts().filter(({ destination }) => !destination.startsWith('/dev'));
      await expect(run(script, { mounts: withoutDev }, options())).rejects.toMatchObject({ code: 'REFUSED' });
    }
  });

  // R03: CVE-2025-52565.
  test('cannot place the console elsewhere (R03)', async () => {
    const options = image((layer) => {
      mkdirSync(join(layer, 'dev'));
      symlinkSync(join(canary, 'directory'), join(layer, 'dev/pts'));
      symlinkSync('/proc/sys/kernel/core_pattern', join(layer, 'dev/console'));
    });
    const before = fingerprint(canary);
    const running = await launch(
      shellSpec('readlink /dev/console; stat -c %F /dev/console; mount | grep -c console'),
      {
        ...options(),
        mechanism,
        stdio: { kind: 'terminal', rows: 1, columns: 1 },
      },
    );
    expect(await text(running.terminal!)).toBe('character special file\r\n1\r\n');
    await running.wait();
    expect(fingerprint(canary)).toBe(before);
  });

  // R04: CVE-2025-52881, CVE-2019-19921, CVE-2023-27561.
  test('cannot have anything mounted over procfs (R04)', async () => {
    const source = join(canary, 'directory');
    for (const destination of [
      '/proc',
      '/proc/self/attr',
      '/proc/sys',
      '/x/../proc/self/attr/exec',
      '/link/self/attr',
    ]) {
      const options = image((layer) => symlinkSync('/proc', join(layer, 'link')));
      const mounts = [...defaultMounts(), { destination, type: 'bind', source, options: ['rbind'] }];
      await expect(run('true', { mounts }, options())).rejects.toMatchObject({ code: 'REFUSED' });
    }
  });

  test('cannot set settings of the host (R04)', async () => {
    for (const name of [
      'kernel.core_pattern',
      'vm.overcommit_memory',
      'net.../../kernel.core_pattern',
      'fs.file-max',
    ])
      await expect(run('true', { linux: { sysctl: { [name]: '1' } } })).rejects.toMatchObject({
        code: 'REFUSED',
      });
  });

  // R05: CVE-2026-41579.
  test.each(['dev', 'proc', 'sys', 'etc', 'run', 'var', 'tmp'])(
    'cannot lead to the host by a link at /%s (R05)',
    async (name) => {
      const targets = [
        canary,
        join(canary, 'directory'),
        `../../../../../..${canary}`,
        `/${name}`,
        '/proc/1/root',
        'nowhere/at/all',
      ];
      for (const target of targets) {
        const options = image((layer) => {
          rmSync(join(layer, name), { recursive: true, force: true });
          symlinkSync(target, join(layer, name));
        });
        const files = ['/etc/resolv.conf', '/run/secrets/x', '/var/x', '/tmp/y'].map((path) => ({
          path,
          content: 'x',
          mode: 0o644,
          readonly: true,
        }));
        const outcome = await harmless(
          'echo ran; ls -d /proc/self >/dev/null && echo proc',
          {},
          { ...options(), files },
        );
        // It runs with everything inside its own root, or is refused with a reason.
        expect(outcome).toMatch(/^ran\nproc\n$|SandboxError: Cannot /);
      }
    },
  );

  // R06: CVE-2024-45310, CVE-2021-30465.
  test('cannot race the making of mount points in a shared volume (R06)', {
    timeout: 60_000 * soak,
  }, async () => {
    const volume = mkdtempSync(join(root().base, 'volume-'));
    mkdirSync(join(volume, 'sub'));
    const before = fingerprint(canary);
    const mountsBefore = hostMounts();
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const flipper = new Worker(flipDirectoryAndLink, { eval: true, workerData: { volume, canary, stop } });
    const mounts = [
      ...defaultMounts(),
      { destination: '/shared', type: 'bind', source: volume, options: ['rbind'] },
      { destination: '/shared/sub/a/b', type: 'bind', source: volume, options: ['rbind'] },
    ];
    for (let round = 0; round < (mechanism === 'vfork' ? 200 : 20) * soak; round++)
      await run('true', { mounts }).catch((error: unknown) =>
        expect(String(error)).toContain('SandboxError'),
      );
    Atomics.store(stop, 0, 1);
    await new Promise((resolve) => flipper.once('exit', resolve));
    expect(fingerprint(canary)).toBe(before);
    expect(hostMounts()).toBe(mountsBefore);
  });

  // R07: CVE-2019-5736.
  test("cannot execute the host's program (R07)", async () => {
    const options = image((layer) => {
      writeFileSync(join(layer, 'direct'), '#!/proc/self/exe\n');
      writeFileSync(join(layer, 'indirect'), '#! /direct\n');
      writeFileSync(join(layer, 'linked'), '#!/exe\n');
      for (const name of ['direct', 'indirect', 'linked']) chmodSync(join(layer, name), 0o755);
      symlinkSync('/proc/self/exe', join(layer, 'exe'));
    });
    for (const command of ['/direct', '/indirect', '/linked', '/exe', '/proc/self/exe', '/proc/1/exe'])
      await expect(run('', { process: { args: [command] } }, options())).rejects.toMatchObject({
        code: 'NOT_EXECUTABLE',
      });
  });

  test('sees no process but its own (R07)', async () => {
    const { stdout } = await run('for exe in /proc/[0-9]*/exe; do readlink $exe; done');
    expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['/bin/busybox']));
  });

  // R09: CVE-2023-25809, CVE-2022-0492.
  test('cannot write anything below /sys (R09)', async () => {
    const { stdout } = await run(
      'find /sys -type f -perm -200 2>/dev/null | while read f; do { echo 1 >>$f; } 2>/dev/null && echo $f; done; true',
    );
    expect(stdout).toBe('');
  });

  // R10: CVE-2024-40635, CVE-2026-46680.
  test.each([-1, 4294967295, 4294967296, 1.5, Number.NaN])('cannot become user %d (R10)', async (uid) => {
    await expect(run('id', { process: { user: { uid, gid: 0 } } })).rejects.toMatchObject({
      code: 'BAD_SPEC',
    });
    await expect(run('id', { process: { user: { uid: 1, gid: uid } } })).rejects.toMatchObject({
      code: 'BAD_SPEC',
    });
  });

  test('can become the last user there is (R10)', async () => {
    const { stdout } = await run('grep -E "^Uid" /proc/self/status', {
      process: { user: { uid: 4294967294, gid: 2147483648 } },
    });
    expect(stdout).toBe('Uid:\t4294967294\t4294967294\t4294967294\t4294967294\n');
  });

  // R20.
  test('can neither signal nor outlive the builder (R20)', async () => {
    const { code, stdout } = await run('kill -9 -1; kill -9 1; kill -9 $PPID; echo alive');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'alive\n' });
  });

  test('cannot open devices by nodes that are in the image, or that it makes', async () => {
    const { stdout, stderr } = await run(
      `mknod /node c 1 5 && head -c 1 /node | wc -c
       mknod /dev/node b 254 0; head -c 1 /dev/node
       mknod /dev/shm/node c 1 5; head -c 1 /dev/shm/node
       mknod /volume/node c 1 5; head -c 1 /volume/node
       head -c 1 /dev/zero | wc -c`,
      {
        mounts: [
          ...defaultMounts(),
          { destination: '/volume', type: 'bind', source: root().base, options: ['rbind'] },
        ],
      },
    );
    expect(stdout).toBe('0\n1\n');
    expect(stderr.match(/ermission denied/g)).toHaveLength(4);
    unlinkSync(join(root().base, 'node'));
  });

  test('cannot reach the old root', async () => {
    const { stdout } = await run('cd /; cd ../../../..; ls; ls /../..; grep -c " / / " /proc/self/mountinfo');
    expect(stdout).not.toContain('home');
    expect(stdout.trim().split('\n').at(-1)).toBe('1');
  });

  test('have dangling links of mount points resolved inside', async () => {
    const options = image((layer) => symlinkSync('../run/resolve/stub.conf', join(layer, 'etc/resolv.conf')));
    const files = [{ path: '/etc/resolv.conf', content: 'inside\n', mode: 0o644, readonly: true }];
    const { stdout, stubs } = await run(
      'cat /etc/resolv.conf /run/resolve/stub.conf',
      {},
      { ...options(), files },
    );
    expect(stdout).toBe('inside\ninside\n');
    expect(stubs.slice(3)).toEqual(['/run', '/run/resolve', '/run/resolve/stub.conf']);
  });
});
