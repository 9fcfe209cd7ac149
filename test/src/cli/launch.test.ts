import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, test } from 'vitest';
import { tempFolder } from '../../support/temp-folder.ts';

/** A launcher with a bundle of the given text, and a home for its compiled code. */
function launcher(text: string, bundle = 'tsrun') {
  const folder = tempFolder();
  const file = join(folder, 'command.cjs');
  const home = join(folder, 'home');
  buildSync({
    entryPoints: [resolve(import.meta.dirname, '../../../src/cli/launch.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    define: { BUNDLE: JSON.stringify(bundle), BUNDLE_DIGEST: '"0123456789abcdef"' },
  });
  mkdirSync(join(folder, 'commands'));
  mkdirSync(home);
  const code = join(home, '.cache/tsbuild/code');
  const write = (body: string) =>
    writeFileSync(
      join(folder, 'commands', `${bundle}.js`),
      `(function(exports,require,module,__filename,__dirname,__ran){${body}\n})`,
    );
  write(text);
  return {
    code,
    home,
    codeFiles: () => readdirSync(code),
    write,
    start: (args: readonly string[] = [], env: NodeJS.ProcessEnv = { HOME: home }) =>
      execFileSync(process.execPath, [file, ...args], { env, encoding: 'utf8', timeout: 20_000 }),
  };
}

test('a launcher runs the code compiled by the start before, without compiling the bundle again', () => {
  const { start, write, codeFiles } = launcher("console.log('first text')");
  expect(start()).toBe('first text\n');
  expect(codeFiles()).toEqual([`tsrun-0123456789abcdef-${process.version}-${process.arch}`]);
  // V8 tells texts apart by their length alone, so that this one shows where the code came from.
  write("console.log('other text')");
  expect(start()).toBe('first text\n');
});

test('a launcher compiles the bundle and replaces the code when the code is spoiled', () => {
  const { start, code, codeFiles } = launcher("console.log('text')");
  start();
  const [name] = codeFiles();
  const whole = readFileSync(join(code, name!));
  writeFileSync(join(code, name!), whole.subarray(0, whole.length / 2));
  expect(start()).toBe('text\n');
  expect(statSync(join(code, name!)).size).toBeGreaterThan(whole.length / 2);
});

test('a launcher learns from a start that runs other modules, and keeps what it knew', () => {
  const { start, write, code, codeFiles } = launcher(
    "const [,, name] = process.argv; __ran.add(name.length); (name === 'a' ? () => console.log('one') : () => console.log('two'))()",
  );
  const size = () => statSync(join(code, codeFiles()[0]!)).size;
  start(['a']);
  const first = size();
  start(['ab']);
  expect(size()).toBeGreaterThan(first + 2);
  const learnt = readFileSync(join(code, codeFiles()[0]!));
  // Both run from the code now, not from the text, and nothing is left to learn.
  write(
    "const [,, name] = process.argv; __ran.add(name.length); (name === 'a' ? () => console.log('ONE') : () => console.log('TWO'))()",
  );
  expect([start(['a']), start(['ab'])]).toEqual(['one\n', 'two\n']);
  expect(readFileSync(join(code, codeFiles()[0]!))).toEqual(learnt);
});

test('a launcher loses nothing that it knew to a start that learns and collects its heap many times', () => {
  const functions = Array.from(
    { length: 300 },
    (_, index) => `() => { const a = ${index}; return [a, a + 1, a * 2]; }`,
  );
  const { start, code, codeFiles } = launcher(
    `const all = [${functions.join()}];
     const [,, name] = process.argv;
     __ran.add(name.length);
     if (name === 'a') for (const each of all) each();
     else for (let round = 0, kept = []; round < 400; round++) kept = Array.from({ length: 1e5 }, () => ({ kept }.round));`,
  );
  start(['a']);
  const size = () => statSync(join(code, codeFiles()[0]!)).size;
  const first = size();
  start(['ab']);
  expect(size()).toBeGreaterThan(first);
});

test('a launcher learns nothing from a start that fails or helps', () => {
  const { start, code, codeFiles } = launcher(
    '__ran.add(process.argv.length); if (process.argv[2] === "bad") process.exitCode = 1',
  );
  start();
  const known = readFileSync(join(code, codeFiles()[0]!));
  expect(() => start(['bad', 'x'])).toThrow();
  start(['--help', 'x', 'y']);
  expect(readFileSync(join(code, codeFiles()[0]!))).toEqual(known);
});

test('a launcher that finds a count of modules that cannot be compiles the bundle', () => {
  const { start, code, codeFiles } = launcher("console.log('text')");
  start();
  const path = join(code, codeFiles()[0]!);
  const whole = readFileSync(path);
  whole.writeUInt32LE(0xffff_ffff, whole.length - 4);
  writeFileSync(path, whole);
  expect(start()).toBe('text\n');
  expect(readFileSync(path).readUInt32LE(whole.length - 4)).toBe(0);
});

test('a launcher ignores code that others can write', () => {
  const { start, write, code, codeFiles } = launcher("console.log('first text')");
  start();
  chmodSync(join(code, codeFiles()[0]!), 0o666);
  write("console.log('other text')");
  expect(start()).toBe('other text\n');
});

test('a launcher leaves no half-written file where it cannot put the code in its place', () => {
  const { start, code, codeFiles } = launcher("console.log('text')");
  start();
  const [name] = codeFiles();
  rmSync(join(code, name!));
  mkdirSync(join(code, name!));
  expect(start()).toBe('text\n');
  expect(codeFiles()).toEqual([name]);
});

test('a launcher does not wait for a FIFO in the place of the code', () => {
  const { start, code, codeFiles } = launcher("console.log('text')");
  start();
  const path = join(code, codeFiles()[0]!);
  rmSync(path);
  execFileSync('mkfifo', [path]);
  expect(start()).toBe('text\n');
});

test('a launcher keeps the code of starts with options of Node by itself', () => {
  const { start, codeFiles, home } = launcher("console.log('text')");
  start();
  start([], { HOME: home, NODE_OPTIONS: '--max-old-space-size=512' });
  expect(codeFiles()).toHaveLength(2);
});

test('a launcher works where no code can be kept', () => {
  const { start } = launcher("console.log('text')");
  expect(start([], {})).toBe('text\n');
  expect(start([], { HOME: '/proc' })).toBe('text\n');
});

test('a launcher keeps no code of a start that failed', () => {
  const { start, code } = launcher('console.error = () => {}; process.exitCode = 3');
  expect(() => start()).toThrow();
  expect(() => readdirSync(code)).toThrow();
});

test('a launcher keeps the code of each subcommand of tsctr by itself', () => {
  const { start, codeFiles } = launcher('', 'tsctr');
  start(['images']);
  start(['--version']);
  start(['../../escape']);
  expect(codeFiles().map((name) => name.replace(/-0123.*/, ''))).toEqual(['tsctr', 'tsctr-images']);
});

test('a launcher gives the bundle its own file name, arguments and require', () => {
  const { start } = launcher(
    "console.log(__filename.endsWith('command.cjs'), process.argv[2], require('node:os').EOL)",
  );
  expect(start(['x'])).toBe('true x \n\n');
});
