// What is measured: how each tool builds and runs.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const dist = resolve(import.meta.dirname, '../dist');
/** Another tool may live in a namespace or machine of its own: a command that is put before its command line. */
const wrapper = (process.env.BENCH_WRAPPER ?? '').split(' ').filter(Boolean);

// Where this is set, Node 20 reads every certificate at each start.
const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;

const node = (name) => [process.execPath, `${dist}/${name}.cjs`];

const docker = (name, runner) => ({
  version: [...wrapper, name, '--version'],
  build: (tag, context, fresh) => [
    ...wrapper,
    name,
    'build',
    ...(name === 'docker' ? ['-q'] : ['-q', '--layers']),
    ...(fresh ? ['--no-cache'] : []),
    '-t',
    tag,
    context,
  ],
  run: (tag, flags) => [...wrapper, runner, 'run', '--rm', ...flags, tag, 'true'],
});

export const tools = {
  tsbuild: {
    version: [...node('tsctr'), 'version'],
    build: (tag, context, fresh) => [
      ...node('tsbuild'),
      '-q',
      ...(fresh ? ['--no-cache'] : []),
      '-t',
      tag,
      context,
    ],
    run: (tag, flags) => [...node('tsrun'), '--rm', ...flags, tag, 'true'],
  },
  docker: docker('docker', 'docker'),
  buildah: docker('buildah', 'podman'),
};

/** Runs a command; its wall time in milliseconds. */
export function time([file, ...args], env = {}) {
  const start = process.hrtime.bigint();
  const { status, error, stderr } = spawnSync(file, args, {
    env: { ...environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 28,
  });
  const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
  if (error) throw error;
  if (status !== 0)
    throw new Error(`${file} ${args.join(' ')}: status ${status}: ${stderr.toString().trim().slice(-300)}`);
  return milliseconds;
}

/** The tool's version in a line; undefined where it is not to be had. */
export function versionOf(tool) {
  const [file, ...args] = tool.version;
  const { status, stdout } = spawnSync(file, args, { env: environment, encoding: 'utf8' });
  return status === 0 ? stdout.trim().split('\n')[0] : undefined;
}
