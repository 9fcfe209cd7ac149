// What the machine itself needs for the same bytes, files or processes, measured in the same run.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bigFiles, cProject, filled, mostlyIgnored, nodeApp, smallFiles } from './contexts.mjs';
import { inRow, time, tools, withMemory, wrapper } from './tools.mjs';
import { base, bigBase, debianBase, MEMORY_LIMIT } from './workloads/inputs.mjs';

const hashing = `const h=require('crypto').createHash('sha256'),b=Buffer.alloc(1<<20);for(let i=0;i<512;i++)h.update(b);h.digest()`;
const node = [process.execPath, '-e', '0'];
const times = (count, argv) => inRow(Array.from({ length: count }, () => argv));
const shell = (script) => (from, to) => ['sh', '-c', script, 'sh', from, to];
const copy = (from, to) => ['cp', '-r', from, to];

/** `fill` makes what the command reads, once; what it writes is removed before each turn. */
const limits = {
  node: { about: 'node -e 0', command: () => node },
  node8: {
    about: '8 times node -e 0, 2 at once',
    command: () => times(4, ['sh', '-c', `${node.join(' ')} & ${node.join(' ')}; wait`]),
  },
  node20: { about: '20 times node -e 0', command: () => times(20, node) },
  container: { about: 'crun run', fill: bundle, command: (from) => container(from) },
  container10: { about: '10 times crun run', fill: bundle, command: (from) => times(10, container(from)) },
  container30: { about: '30 times crun run', fill: bundle, command: (from) => times(30, container(from)) },
  sleep: { about: 'sleep 1', command: () => ['sleep', '1'] },
  cp10k: { about: 'cp -r of the 10,000', fill: mostlyIgnored, command: shell('cp -r "$1/src" "$2"') },
  cp50k: { about: 'cp -r', fill: smallFiles, command: copy },
  tar50k: { about: 'tar c > file', fill: smallFiles, command: shell('tar cf "$2" -C "$1" .') },
  stat50k: { about: 'find -size', fill: smallFiles, command: (from) => ['find', from, '-size', '+1G'] },
  cp512m: { about: 'cp -r', fill: bigFiles, command: copy },
  cp512mLimited: {
    about: 'cp -r with as much memory',
    fill: bigFiles,
    command: (from, to) => withMemory(MEMORY_LIMIT, copy(from, to)),
  },
  cpShare: {
    about: 'cp -a of the changed files',
    fill: bigRoot,
    command: shell('cp -a "$1/rootfs/usr/share" "$2"'),
  },
  sha512m: { about: 'sha256 of 512 MiB in Node', command: () => [process.execPath, '-e', hashing] },
  gzip512m: { about: 'gzip -1 of 512 MiB', fill: bigFiles, command: shell('cat "$1"/big* | gzip -1 > "$2"') },
  dd512m: {
    about: 'dd of 512 MiB',
    command: (_from, to) => ['dd', 'if=/dev/urandom', `of=${to}`, 'bs=1M', 'count=512'],
  },
  make: {
    about: 'make -j2',
    needs: ['make', 'cc'],
    fill: cProject,
    command: shell('cp -r "$1" "$2" && make -C "$2" -j2 -s'),
  },
  npm: {
    about: 'npm ci',
    needs: ['npm'],
    fill: nodeApp,
    command: shell('cp -r "$1" "$2" && cd "$2" && npm ci --offline --no-audit --no-fund'),
  },
  apt: {
    about: 'the same in chroot',
    fill: debianRoot,
    command: shell(
      'cp -a "$1/rootfs" "$2" && cp -L /etc/resolv.conf "$2/etc/" && mknod -m 666 "$2/dev/null" c 1 3 && chroot "$2" sh -c "apt-get update && apt-get install -y --no-install-recommends jq"',
    ),
  },
  untar: {
    about: 'tar xz of its layers',
    fill: bigLayers,
    command: shell(
      'mkdir "$2"; for blob in "$1"/blobs/sha256/*; do head -c 1000 "$blob" | grep -q "^{" || tar xf "$blob" -C "$2" 2>/dev/null; done; true',
    ),
  },
};

function bigLayers(directory) {
  const saved = join(directory, 'saved.tar');
  time(inRow([tools.tsbuild.pull(bigBase), tools.tsbuild.save(bigBase, saved)]));
  time(['tar', 'xf', saved, '-C', directory]);
}

function exportRoot(image, directory) {
  writeFileSync(join(directory, 'Dockerfile'), `FROM ${image}\n`);
  const flags = ['-o', `type=local,dest=${join(directory, 'rootfs')}`];
  time(tools.tsbuild.build('bench-root', directory, { flags }));
}

function bigRoot(directory) {
  exportRoot(bigBase, directory);
}

function debianRoot(directory) {
  exportRoot(debianBase, directory);
}

/** An OCI bundle of the small base that runs `true`. */
function bundle(directory) {
  exportRoot(base, directory);
  for (const runtime of runtimes) {
    if (spawnSync('sh', ['-c', `cd "$0" && ${runtime.join(' ')} spec -b "$0"`, directory]).status === 0)
      break;
  }
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
  Object.assign(config.process, { terminal: false, args: ['true'] });
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
}

/** crun where it runs: it refuses some layouts of control groups. */
const runtimes = [['crun'], [...wrapper, 'crun']];

function container(from) {
  const run = (runtime) => [...runtime, 'run', '-b', from, `bench-limit-${process.pid}`];
  const works = runtimes.map(run).find(([file, ...args]) => spawnSync(file, args).status === 0);
  if (works === undefined) throw new Error('There is no crun that runs');
  return works;
}

const known = new Map();

/** Quick work is done more often, since more of its time is chance. */
function turnsFor(first, spent) {
  if (first === undefined || spent > 10_000) return 1;
  return first < 100 ? 10 : 3;
}

/** The least of some turns in milliseconds and what it is called; undefined where a program for it is missing. */
export function measureLimit(name, root) {
  if (!known.has(name)) known.set(name, measure(limits[name], root));
  return known.get(name);
}

function measure({ about, needs = [], fill, command }, root) {
  if (needs.some((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0))
    return undefined;
  const to = join(root, 'limit-copy');
  try {
    const from = fill && filled(root, fill.name, fill);
    const argv = command(from, to);
    const found = [];
    const start = Date.now();
    while (found.length < turnsFor(found[0], Date.now() - start)) {
      rmSync(to, { recursive: true, force: true });
      found.push(time(argv));
    }
    return { about, milliseconds: Math.min(...found) };
  } catch (error) {
    console.error(`limit "${about}": ${error.message}`);
    return undefined;
  } finally {
    rmSync(to, { recursive: true, force: true });
  }
}
