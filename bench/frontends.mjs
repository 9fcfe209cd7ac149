// Compares what tsbuild and a real buildx tell about Dockerfiles: stages, outline and checks.
//   node bench/frontends.mjs FOLDER...     each with a Dockerfile; a folder of such folders will do too
// No frontend image is asked for: a syntax directive is taken for a comment.
// DOCKER: the command to run, `docker` unless said otherwise. No image is looked up: each is an empty local context.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const docker = (process.env.DOCKER ?? 'docker').split(' ');
const tsbuild = [process.execPath, resolve(import.meta.dirname, '../dist/tsbuild.cjs')];
const work = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'frontends-'));
const empty = mkdtempSync(join(work, 'empty-'));

const folders = process.argv.slice(2).flatMap((path) =>
  existsSync(join(path, 'Dockerfile'))
    ? [path]
    : readdirSync(path)
        .sort()
        .map((name) => join(path, name)),
);
let same = 0;
for (const folder of folders) {
  const differences = compare(folder);
  if (differences.length === 0) same++;
  console.log(`${differences.length === 0 ? 'same   ' : 'differs'} ${folder}`);
  for (const difference of differences) console.log(`        ${difference}`);
}
console.log(`${same} of ${folders.length} are the same`);
rmSync(work, { recursive: true });
process.exitCode = same === folders.length ? 0 : 1;

function compare(original) {
  const folder = join(work, 'context');
  mkdirSync(folder, { recursive: true });
  const text = readFileSync(join(original, 'Dockerfile'), 'utf8');
  writeFileSync(join(folder, 'Dockerfile'), withoutSyntax(text));
  const images = imagesOf(folder);
  return ['targets', 'outline', 'check'].flatMap((method) => {
    const [theirs, ours] = [[...docker, 'buildx', 'build'], tsbuild].map((command) => {
      const { stdout, stderr } = call(command, method, folder, images);
      return summary(method, stdout, stderr);
    });
    return theirs === ours ? [] : [`${method}: buildx  ${theirs}`, `${method}: tsbuild ${ours}`];
  });
}

/** The syntax directive becomes a comment behind the other directives, which it would end where it stands. */
function withoutSyntax(text) {
  return text.replace(/^#[ \t]*syntax[ \t]*=.*\n((?:#[ \t]*(?:check|escape)[ \t]*=.*\n)*)/i, '$1#\n');
}

/** What FROM and --from name besides stages: asked for one by one, since only buildx knows how it calls them. */
function imagesOf(folder) {
  const images = [];
  for (;;) {
    const { stdout, stderr } = call([...docker, 'buildx', 'build'], 'check', folder, images);
    const found = /([^\s"]+): failed to resolve source metadata/.exec(`${stdout}\n${stderr}`)?.[1];
    if (found === undefined || images.includes(found)) return images;
    images.push(found);
  }
}

function call(command, method, folder, images) {
  const [program, ...args] = [
    ...command,
    `--call=${method},format=json`,
    ...images.map((image) => `--build-context=${image}=${empty}`),
    folder,
  ];
  const env = { ...process.env, TSBUILD_ROOT: join(work, 'store') };
  return spawnSync(program, args, { encoding: 'utf8', env, timeout: 60_000 });
}

/** Without the file itself; the findings of a check in an order of their own. */
function summary(method, stdout, stderr) {
  let value;
  try {
    value = JSON.parse(stdout);
  } catch {
    const message = /ERROR: .*/.exec(stderr)?.[0] ?? stderr;
    return `fails: ${message.replace('failed to build: failed to solve: ', '')}`;
  }
  const { sources: _, buildError, warnings, ...rest } = value;
  if (method !== 'check') return JSON.stringify(sorted(rest));
  const found = (warnings ?? []).map((one) =>
    JSON.stringify(sorted({ ...one, location: lines(one.location) })),
  );
  return `${found.sort().join('\n')}${buildError === undefined ? '' : `\n${buildError.message}`}`;
}

function lines(location) {
  return location?.ranges?.map(({ start, end }) => `${start.line}-${end.line}`).join();
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([k, v]) => [k, sorted(v)]),
  );
}
