// What the machine itself needs for the same bytes, files or processes, measured in the same run.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bigFiles, cProject, mostlyIgnored, nodeApp, smallFiles } from './contexts.mjs';
import { inRow, time, tools } from './tools.mjs';
import { bigBase } from './workloads.mjs';

const hashing = `const h=require('crypto').createHash('sha256'),b=Buffer.alloc(1<<20);for(let i=0;i<512;i++)h.update(b);h.digest()`;
const node = [process.execPath, '-e', '0'];
/** The namespaces of a container, and a program in them. */
const unshare = ['unshare', '-mpuin', '--fork', '--mount-proc', 'true'];
const times = (count, argv) => inRow(Array.from({ length: count }, () => argv));
const shell = (script) => (from, to) => ['sh', '-c', script, 'sh', from, to];

/** `fill` makes what the command reads, once; what it writes is removed before each turn. */
const limits = {
  node: { about: 'node -e 0', command: () => node },
  node8: {
    about: '8 times node -e 0, 2 at once',
    command: () => times(4, ['sh', '-c', `${node.join(' ')} & ${node.join(' ')}; wait`]),
  },
  node20: { about: '20 times node -e 0', command: () => times(20, node) },
  unshare: { about: 'unshare … true', command: () => unshare },
  unshare10: { about: '10 times unshare … true', command: () => times(10, unshare) },
  sleep: { about: 'sleep 1', command: () => ['sleep', '1'] },
  cp10k: { about: 'cp -r of the 10,000', fill: mostlyIgnored, command: shell('cp -r "$1/src" "$2"') },
  cp50k: { about: 'cp -r', fill: smallFiles, command: (from, to) => ['cp', '-r', from, to] },
  tar50k: { about: 'tar c > file', fill: smallFiles, command: shell('tar cf "$2" -C "$1" .') },
  stat50k: { about: 'find -size', fill: smallFiles, command: (from) => ['find', from, '-size', '+1G'] },
  cp512m: { about: 'cp -r', fill: bigFiles, command: (from, to) => ['cp', '-r', from, to] },
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
  untar: {
    about: 'tar xz of its layers',
    fill(directory) {
      mkdirSync(directory, { recursive: true });
      time(
        inRow([
          tools.tsbuild.save(bigBase, join(directory, 'saved.tar')),
          ['tar', 'xf', join(directory, 'saved.tar'), '-C', directory],
        ]),
      );
    },
    command: shell(
      'mkdir "$2"; for blob in "$1"/blobs/sha256/*; do head -c 1000 "$blob" | grep -q "^{" || tar xf "$blob" -C "$2" 2>/dev/null; done; true',
    ),
  },
};

/** The least of three turns in milliseconds and what it is called; undefined where a program for it is missing. */
export function measureLimit(name, root) {
  const { about, needs = [], fill, command } = limits[name];
  if (needs.some((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0))
    return undefined;
  const from = join(root, `limit-${fill?.name ?? 'none'}`);
  const to = join(root, 'limit-copy');
  if (fill && !existsSync(from)) {
    mkdirSync(from);
    fill(from);
  }
  const found = [];
  for (let turn = 0; turn < 3; turn++) {
    rmSync(to, { recursive: true, force: true });
    found.push(time(command(from, to)));
  }
  rmSync(to, { recursive: true, force: true });
  return { about, milliseconds: Math.min(...found) };
}
