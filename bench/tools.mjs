// What is measured: how each tool builds, runs and moves images.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const dist = resolve(import.meta.dirname, '../dist');
/** Another tool may live in a namespace or machine of its own: a command that is put before its command line. */
export const wrapper = (process.env.BENCH_WRAPPER ?? '').split(' ').filter(Boolean);
/** Whether what Docker and Buildah keep of images that have lost their names, and of any build, may be thrown away. */
const mayPrune = process.env.BENCH_PRUNE === '1';
const TIMEOUT_MILLISECONDS = 1000 * Number(process.env.BENCH_TIMEOUT ?? 600);

// Where this is set, Node 20 reads every certificate at each start.
const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;

export { environment };

const node = (name) => [process.execPath, `${dist}/${name}.cjs`];

/** Docker's command line; Podman and Buildah share one store and know images without a registry as localhost's. */
function others(builder, runner) {
  const call = (program, ...args) => [...wrapper, program, ...args];
  const local = (tag) => (runner === 'podman' && !tag.includes('/') ? `localhost/${tag}` : tag);
  const transport = (name) => (runner === 'podman' ? `docker://${name}` : name);
  return {
    version: call(builder, '--version'),
    build: (tag, context, { fresh = false, flags = [] } = {}) =>
      call(
        builder,
        'build',
        '-q',
        ...(builder === 'buildah' ? ['--layers'] : []),
        ...(fresh ? ['--no-cache'] : []),
        ...flags,
        '-t',
        tag,
        context,
      ),
    run: (tag, flags = [], command = ['true']) =>
      call(runner, 'run', '--rm', ...flags, local(tag), ...command),
    start: (tag, name) => call(runner, 'run', '-d', '--name', name, local(tag), 'sleep', '1000'),
    // Podman would wait for ten seconds for a program that does not mind SIGTERM.
    remove: (name) => call(runner, 'rm', '-f', ...(runner === 'podman' ? ['-t', '0'] : []), name),
    pull: (name) => call(builder, 'pull', '-q', name),
    push: (tag, name) =>
      builder === 'buildah'
        ? call('buildah', 'push', '-q', local(tag), transport(name))
        : inRow([call('docker', 'tag', tag, name), call('docker', 'push', '-q', name)]),
    save: (tag, file) => call(runner, 'save', '-o', file, local(tag)),
    forget: (name) => inRow([call(builder, 'rmi', '-f', local(name))], ';'),
    discard: (tag) => {
      const prune = [call(runner, 'image', 'prune', '-f')];
      if (builder === 'docker') prune.push(call('docker', 'builder', 'prune', '-a', '-f'));
      return inRow([call(builder, 'rmi', '-f', local(tag)), ...(mayPrune ? prune : [])], ';');
    },
  };
}

export const tools = {
  tsbuild: {
    version: [...node('tsctr'), 'version', '--format', 'tsbuild {{.Client.Version}}'],
    build: (tag, context, { fresh = false, flags = [] } = {}) => [
      ...node('tsbuild'),
      '-q',
      ...(fresh ? ['--no-cache'] : []),
      ...flags,
      '-t',
      tag,
      context,
    ],
    run: (tag, flags = [], command = ['true']) => [...node('tsrun'), '--rm', ...flags, tag, ...command],
    start: (tag, name) => [...node('tsctr'), 'run', '-d', '--name', name, tag, 'sleep', '1000'],
    remove: (name) => [...node('tsctr'), 'rm', '-f', name],
    pull: (name) => [...node('tsctr'), 'pull', '-q', name],
    push: (tag, name) =>
      inRow([
        [...node('tsctr'), 'tag', tag, name],
        [...node('tsctr'), 'push', '-q', name],
      ]),
    save: (tag, file) => [...node('tsctr'), 'save', '-o', file, tag],
    forget: (name) => rmi(name, ['system', 'prune', '-f']),
    discard: (tag) => rmi(tag, ['builder', 'prune', '-a', '-f']),
  },
  docker: others('docker', 'docker'),
  buildah: others('buildah', 'podman'),
};

/** Without its name an image goes when the store is cleared up. */
function rmi(name, prune) {
  return inRow(
    [
      [...node('tsctr'), 'rmi', '-f', name],
      [...node('tsctr'), ...prune],
    ],
    ';',
  );
}

const quoted = (argv) => argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');

/** One command line that runs several, one after the other; with `;` whatever becomes of them. */
export function inRow(commands, between = '&&') {
  return ['sh', '-c', `${commands.map(quoted).join(` ${between} `)}${between === ';' ? '; true' : ''}`];
}

/** One that runs them all at once, and fails if one of them does. */
export function atOnce(commands) {
  const started = commands.map((argv) => `${quoted(argv)} & pids="$pids $!"`).join('\n');
  return ['sh', '-c', `${started}\nfor pid in $pids; do wait $pid || failed=1; done; [ -z "$failed" ]`];
}

/** Runs the command in a control group that may use so many bytes of memory, the page cache of its files among them. */
export function withMemory(bytes, argv) {
  const script = `
    if [ -d /sys/fs/cgroup/memory ]; then group=/sys/fs/cgroup/memory/tsbuild-bench limit=memory.limit_in_bytes
    else group=/sys/fs/cgroup/tsbuild-bench limit=memory.max; echo +memory > /sys/fs/cgroup/cgroup.subtree_control; fi
    mkdir -p $group && echo ${bytes} > $group/$limit || exit 125
    [ ! -e $group/memory.swap.max ] || echo 0 > $group/memory.swap.max
    (echo 0 > $group/cgroup.procs && exec ${quoted(argv)}); status=$?
    rmdir $group; exit $status`;
  return ['sh', '-c', script];
}

/** Runs a command; its wall time in milliseconds. */
export function time([file, ...args], env = {}) {
  const start = process.hrtime.bigint();
  const { status, error, stderr } = spawnSync(file, args, {
    env: { ...environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 28,
    timeout: TIMEOUT_MILLISECONDS,
    killSignal: 'SIGKILL',
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
