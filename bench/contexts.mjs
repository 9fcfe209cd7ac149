// The files that the tools are given, the same in every run.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A directory of that name that has been filled, now or before; what was not filled to its end is thrown away. */
export function filled(root, name, fill) {
  const directory = join(root, name);
  if (existsSync(directory)) return directory;
  const half = `${directory}.half`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half);
  fill?.(half);
  renameSync(half, directory);
  return directory;
}

/** 50,000 files of 64 bytes to some 20 KB in 3,750 directories. */
export function smallFiles(directory) {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let index = 0; index < 50_000; index++) {
    const folder = join(directory, `p${Math.floor(index / 40)}`, `lib${index % 3}`);
    if (index % 40 < 3) mkdirSync(folder, { recursive: true });
    const size = Math.max(64, Math.round(Math.exp(7.6 + 2 * (random() + random() + random() - 1.5))));
    writeFileSync(join(folder, `f${index}.js`), `// ${index} ${random()}\n`.padEnd(size, 'x'));
  }
}

/** 512 MiB in 8 files, of which no block is like another. */
export function bigFiles(directory) {
  mkdirSync(directory, { recursive: true });
  const block = Buffer.allocUnsafe(1 << 20);
  for (let file = 0; file < 8; file++) {
    const parts = Array.from({ length: 64 }, (_, index) => {
      for (let offset = 0; offset < block.length; offset += 4)
        block.writeUInt32LE((Math.imul(offset + 1, 2654435761) ^ (file * 64 + index)) >>> 0, offset);
      return Buffer.from(block);
    });
    writeFileSync(join(directory, `big${file}`), Buffer.concat(parts));
  }
}

/** 200,000 files, of which .dockerignore leaves 10,000. */
export function mostlyIgnored(directory) {
  writeFileSync(join(directory, '.dockerignore'), 'node_modules\n');
  for (let index = 0; index < 200_000; index++) {
    const top = index % 20 === 0 ? 'src' : 'node_modules';
    const folder = join(directory, top, `d${Math.floor(index / 1000)}`);
    if (index % 1000 < 2) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `f${index}`), `file ${index}\n`);
  }
}

/** An app whose 40 dependencies of 50 files each are tarballs beside it: `npm ci` needs no network. */
export function nodeApp(directory) {
  const dependencies = {};
  for (let index = 0; index < 40; index++) {
    const name = `dependency${index}`;
    const folder = join(directory, 'packages', name, 'package');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0' }));
    for (let file = 0; file < 50; file++)
      writeFileSync(join(folder, `f${file}.js`), `module.exports = ${file};\n`.repeat(40));
    run(directory, 'tar', ['czf', `${name}.tgz`, '-C', join('packages', name), 'package']);
    dependencies[name] = `file:${name}.tgz`;
  }
  writeFileSync(join(directory, '.dockerignore'), 'packages\n');
  writeFileSync(join(directory, 'index.js'), 'console.log(1);\n');
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'app', version: '1.0.0', dependencies }),
  );
  run(directory, 'npm', ['install', '--package-lock-only', '--offline', '--no-audit', '--no-fund']);
}

/** 60 C files of 200 functions each, and a Makefile. */
export function cProject(directory) {
  for (let file = 0; file < 60; file++) {
    const functions = Array.from(
      { length: 200 },
      (_, index) => `int f${file}_${index}(int a){int s=0;for(int i=0;i<a;i++)s+=i*${index + 1};return s;}\n`,
    );
    writeFileSync(join(directory, `m${file}.c`), `#include <stdio.h>\n${functions.join('')}`);
  }
  writeFileSync(join(directory, 'main.c'), 'int main(void){return 0;}\n');
  writeFileSync(
    join(directory, 'Makefile'),
    'O=$(patsubst %.c,%.o,$(wildcard *.c))\napp: $O\n\tcc -o $@ $O\n%.o: %.c\n\tcc -O1 -c -o $@ $<\n',
  );
}

/** 20 services with a Dockerfile each, and a library that all of them copy. */
export function monorepo(directory) {
  mkdirSync(join(directory, 'library'));
  for (let file = 0; file < 200; file++)
    writeFileSync(join(directory, 'library', `f${file}.js`), `module.exports = ${file};\n`);
  for (let service = 0; service < 20; service++) {
    mkdirSync(join(directory, `service${service}`));
    writeFileSync(join(directory, `service${service}`, 'index.js'), `console.log(${service});\n`);
  }
}

export function oneFile(directory) {
  writeFileSync(join(directory, 'a.txt'), 'a\n');
}

export function twoFiles(directory) {
  oneFile(directory);
  writeFileSync(join(directory, 'b.txt'), 'b\n');
}

function run(cwd, program, args) {
  const { status, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
