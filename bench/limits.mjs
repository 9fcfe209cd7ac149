// What the machine itself needs for the same bytes, measured in the same run.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bigFiles, smallFiles } from './workloads.mjs';

const hashing = `const h=require('crypto').createHash('sha256'),b=Buffer.alloc(1<<20);for(let i=0;i<512;i++)h.update(b);h.digest()`;

/** `fill` makes what the command needs, once; `target` is removed before each turn. */
export const limits = {
  node: { about: 'node -e 0', command: () => [process.execPath, '-e', '0'] },
  cp50k: { about: 'cp -r', fill: smallFiles, command: (from, to) => ['cp', '-r', from, to] },
  tar50k: {
    about: 'tar c > file',
    fill: smallFiles,
    command: (from, to) => ['tar', 'cf', to, '-C', from, '.'],
  },
  cp512m: { about: 'cp -r', fill: bigFiles, command: (from, to) => ['cp', '-r', from, to] },
  sha512m: { about: 'sha256 of 512 MiB in Node', command: () => [process.execPath, '-e', hashing] },
};

export function limitCommand(name, root) {
  const { fill, command } = limits[name];
  const from = join(root, `limit-${fill === bigFiles ? 'big' : 'small'}`);
  const to = join(root, 'limit-copy');
  rmSync(to, { recursive: true, force: true });
  return { fill: fill && (() => fill(from)), from, command: command(from, to) };
}
