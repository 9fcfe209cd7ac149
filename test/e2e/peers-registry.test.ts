import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { hostPlatform } from '../../layers/index.ts';
import { busyboxTar, rootfsProblem } from '../support/busybox-rootfs.ts';
import { Commands, type Outcome } from '../support/commands.ts';
import { PASSWORD, type RealRegistry, startRealRegistry, USER } from '../support/real-registry.ts';
import { lastingFolder, tempFolder } from '../support/temp-folder.ts';

/**
 * The commands against the CNCF registry, without a login, with passwords (htpasswd) and with tokens, together with
 * Docker, Podman, Buildah, skopeo and umoci: PEERS_BIN, as in peers.test.ts.
 */
const peers = process.env.PEERS_BIN;
const reason = peers === undefined ? 'PEERS_BIN is not set' : rootfsProblem;
if (reason !== undefined) console.warn(`skipped: registries with Docker, Podman and skopeo (${reason})`);

const exec = promisify(execFile);
const platform = `linux/${hostPlatform().architecture}`;
const other = platform === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64';
const DOCKERFILE = `
FROM scratch
ARG TARGETARCH
ADD rootfs.tar /
COPY hello $TARGETARCH /
CMD ["/bin/cat", "/hello"]
`;

describe.skipIf(reason !== undefined).each(['none', 'htpasswd', 'token'] as const)(
  'a registry with authentication: %s',
  (login) => {
    const lasting = lastingFolder();
    const docker = join(lasting.path, 'login');
    const insecure = '--tls-verify=false';
    let registry: RealRegistry;
    let commands: Commands;
    let context: string;

    /** A peer's command, with the login that all share. */
    async function peer(...args: string[]): Promise<string> {
      const login = [`DOCKER_CONFIG=${docker}`, `REGISTRY_AUTH_FILE=${join(docker, 'config.json')}`];
      const { stdout } = await exec(peers!, ['exec', 'env', ...login, ...args], { maxBuffer: 1 << 24 });
      return stdout.trim();
    }

    beforeAll(async () => {
      mkdirSync(docker);
      writeFileSync(join(docker, 'config.json'), '{"auths":{}}');
      registry = await startRealRegistry(peers!, join(lasting.path, 'registry'), login);
      commands = new Commands({ env: { DOCKER_CONFIG: docker } });
      context = commands.context({
        Dockerfile: DOCKERFILE,
        'rootfs.tar': busyboxTar(),
        hello: 'hello\n',
        amd64: 'amd64\n',
        arm64: 'arm64\n',
      });
      if (login === 'htpasswd') {
        const args = ['login', '-u', USER, '--password-stdin', registry.host];
        succeeded(await commands.tsctr(args, { input: PASSWORD }));
      }
      if (login === 'token') await peer('docker', 'login', '-u', USER, '-p', PASSWORD, registry.host);
    });
    afterAll(async () => {
      await commands?.remove();
      await registry?.[Symbol.asyncDispose]();
      await lasting.remove();
    });

    function succeeded(outcome: Outcome): Outcome {
      expect(outcome.code, outcome.stderr).toBe(0);
      return outcome;
    }

    /** What is in the peers' stores is taken out again. */
    function forgotten(...names: readonly string[]): void {
      onTestFinished(async () => {
        await peer('docker', 'rmi', '-f', ...names).catch(() => {});
        await peer('podman', 'rmi', '-f', ...names).catch(() => {});
      });
    }

    async function runsHere(name: string): Promise<void> {
      const machine = new Commands({ env: { DOCKER_CONFIG: docker } });
      onTestFinished(() => machine.remove());
      const { stdout } = succeeded(await machine.tsrun(['--rm', '--network=none', name]));
      expect(stdout).toBe('hello\n');
    }

    test.runIf(login !== 'none')('asks for the login', async () => {
      const stranger = new Commands({ env: { DOCKER_CONFIG: tempFolder() } });
      onTestFinished(() => stranger.remove());
      const { code, stderr } = await stranger.tsrun(['--rm', `${registry.host}/nothing`]);
      expect([code, stderr]).toEqual([125, expect.stringContaining(`tsctr login ${registry.host}`)]);
      const wrong = ['login', '-u', USER, '--password-stdin', registry.host];
      expect((await stranger.tsctr(wrong, { input: 'wrong' })).code).toBe(1);
    });

    test('takes a multi-platform build of tsbuild, which Docker, Podman, skopeo and umoci have back', async () => {
      const name = `${registry.host}/team/by-tsbuild:1`;
      forgotten(name);
      succeeded(
        await commands.tsbuild([`--platform=${platform},${other}`, '--push', '-q', '-t', name, context]),
      );
      expect(await peer('docker', 'run', '--rm', '--pull=always', '-q', name)).toBe('hello');
      await peer('podman', 'pull', '-q', insecure, name);
      expect(await peer('podman', 'run', '--rm', '--network=none', name)).toBe('hello');
      expect(JSON.parse(await peer('skopeo', 'inspect', insecure, `docker://${name}`)).Layers).toHaveLength(
        2,
      );
      const index = JSON.parse(await peer('docker', 'buildx', 'imagetools', 'inspect', '--raw', name));
      expect(index.manifests).toHaveLength(2);
      const layout = join(lasting.path, 'unpacked');
      const from = ['copy', '-q', '--src-tls-verify=false', `--override-arch=${other.slice(6)}`];
      await peer('skopeo', ...from, `docker://${name}`, `oci:${layout}:x`);
      await peer('umoci', 'unpack', '--image', `${layout}:x`, `${layout}-bundle`);
      expect(readFileSync(`${layout}-bundle/rootfs/${other.slice(6)}`, 'utf8')).toBe(`${other.slice(6)}\n`);
      await runsHere(name);
    });

    test('takes what Docker builds and pushes, which tsrun runs', async () => {
      const name = `${registry.host}/by-docker:1`;
      forgotten(name);
      await peer('docker', 'build', '-q', '-t', name, context);
      await peer('docker', 'push', '-q', name);
      await runsHere(name);
      const again = `${registry.host}/elsewhere/by-docker:1`;
      await peer('docker', 'buildx', 'imagetools', 'create', '-t', again, name);
      await runsHere(again);
    });

    test.each(['gzip', 'zstd', 'zstd:chunked'])(
      'takes what Buildah builds and Podman pushes as %s, alone and in a list, which tsrun runs',
      async (compression) => {
        const name = `${registry.host}/by-podman:${compression.replace(':', '-')}`;
        const list = `${name}-list`;
        forgotten(name);
        const label = `tsbuild-test=${process.pid}`;
        const build = ['buildah', 'build', '-q', '--isolation=chroot', '--layers=false', `--label=${label}`];
        onTestFinished(async () => {
          await peer('podman', 'manifest', 'rm', list).catch(() => {});
          const ids = await peer('podman', 'images', '-aq', `--filter=label=${label}`);
          await peer('podman', 'rmi', '-f', ...ids.split('\n')).catch(() => {});
        });
        await peer(...build, '-t', name, context);
        const push = ['-q', insecure, `--compression-format=${compression}`, '--force-compression'];
        await peer('podman', 'push', ...push, name);
        await runsHere(name);
        await peer(...build, `--platform=${other},${platform}`, '--manifest', list, context);
        await peer('podman', 'manifest', 'push', '--all', ...push, list, `docker://${list}`);
        await runsHere(list);
      },
    );

    test.each(['gzip', 'zstd', 'zstd:chunked'])('takes what skopeo copies as %s', async (compression) => {
      const source = `${registry.host}/to-copy:1`;
      const name = `${registry.host}/by-skopeo:${compression.replace(':', '-')}`;
      succeeded(
        await commands.tsbuild([`--platform=${platform},${other}`, '--push', '-q', '-t', source, context]),
      );
      const form = ['--dest-compress-format', compression, '--dest-force-compress-format'];
      const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
      await peer(
        'skopeo',
        'copy',
        '-q',
        '--all',
        ...form,
        ...plain,
        `docker://${source}`,
        `docker://${name}`,
      );
      await runsHere(name);
    });
  },
);
