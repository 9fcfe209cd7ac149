import {
  createReadStream,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type DiffId, openStore, readArchive } from '../../layers/index.ts';
import { history, inspectImages } from '../../src/index.ts';
import {
  type BuildCase,
  type BuildFile,
  type BuildRun,
  buildCases,
  makeRepository,
  serveFiles,
} from '../support/build-cases.ts';
import { type Commands, describeCommands, type Outcome } from '../support/commands.ts';
import { tarOf } from '../support/tar-files.ts';
import { shortListing } from '../support/tree-listing.ts';

describeCommands('tsbuild', (commands) => {
  test.each(buildCases())('does $name as Docker does', async ({ given, file, name }) => {
    const directory = join(commands().folder, name);
    const observed = await observe(commands(), directory, given);
    await expect(`${JSON.stringify(observed, undefined, 2)}\n`).toMatchFileSnapshot(file);
  });
});

async function observe(commands: Commands, directory: string, given: BuildCase): Promise<BuildCase> {
  mkdirSync(directory);
  const { url, server } = await serveFiles((path) => {
    const served = given.served?.[path];
    if (served !== undefined) return { ...served, file: join(directory, served.file) };
    return { file: join(directory, path) };
  });
  onTestFinished(() => void server.close());
  const filled = (text: string) => text.replaceAll('$URL', url).replaceAll('$HERE', directory);
  for (const [path, entry] of Object.entries(given.files ?? {}))
    makeFile(join(directory, path), entry, filled);
  if (given.repository !== undefined)
    makeRepository(join(directory, given.repository.of), join(directory, 'repo.git'), given.repository.time);
  const blurred = (text: string) =>
    text
      .replaceAll(url, '$URL')
      .replaceAll(directory, '$HERE')
      .replace(/\b[0-9a-f]{64}\b/g, 'HEX');
  const runs: BuildRun[] = [];
  for (const run of given.runs) {
    const input = run.stdin === undefined ? {} : { input: readFileSync(join(directory, run.stdin)) };
    const args = ['--network=none', ...run.args.map(filled)];
    const outcome = await commands.tsbuild(args, { cwd: directory, env: run.env ?? {}, ...input });
    runs.push({ ...run, ...seenOf(outcome, run, blurred) });
  }
  const image = given.image && (await imageOf(commands.root, given.image));
  const written: Record<string, unknown> = {};
  for (const path of Object.keys(given.written ?? {}))
    written[path] = await contentOf(join(directory, path), blurred);
  return { ...given, runs, ...(image && { image }), ...(given.written && { written }) };
}

function seenOf({ code, stdout, stderr }: Outcome, run: BuildRun, blurred: (text: string) => string) {
  const told = /^(?:ERROR|HINT|WARNING|tsbuild| - )/;
  const messages = blurred(stderr)
    .split('\n')
    .filter((line) => told.test(line));
  return {
    code: code ?? -1,
    ...(run.stdout && { stdout: blurred(stdout).trimEnd().split('\n') }),
    ...(messages.length > 0 && { messages }),
  };
}

function makeFile(path: string, entry: BuildFile, filled: (text: string) => string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (typeof entry === 'string') writeFileSync(path, filled(entry), { mode: 0o644 });
  else if ('symlink' in entry) symlinkSync(entry.symlink, path);
  else {
    const mtime = new Date((entry.mtime ?? 0) * 1000);
    const files = Object.entries(entry.tar).map(([name, content]) => [
      name,
      { type: 'File', body: content, mtime, uid: 5, gid: 6 },
    ]);
    writeFileSync(path, tarOf(Object.fromEntries(files)));
  }
}

/** What the case has an eye on, of the image that it names. */
async function imageOf(storeRoot: string, expected: Readonly<Record<string, unknown>>) {
  const name = expected.name as string;
  const [image] = await inspectImages([name], { storeRoot });
  const store = openStore(storeRoot);
  try {
    const layers = image!.RootFS.Layers.map((diffId) => store.snapshots.layer(diffId as DiffId)!);
    const tree = store.snapshots.view(layers);
    const files = shortListing(tree);
    const seen: Readonly<Record<string, () => unknown>> = {
      name: () => name,
      created: () => image!.Created,
      config: () => picked(image!.Config, expected.config),
      files: () =>
        Object.fromEntries(
          Object.entries(files).filter(([path]) => !/^\/(bin|dev|etc|tmp|proc|sys)(\/|$)/.test(path)),
        ),
      times: () =>
        Object.fromEntries(
          Object.keys(expected.times as object).map((path) => [
            path,
            Number(tree.lookup(path)!.stat.mtimeNs / 1_000_000_000n),
          ]),
        ),
    };
    const entries = Object.keys(expected).map((key) => [key, key === 'history' ? null : seen[key]!()]);
    const rows = await history(name, { storeRoot });
    // Nothing is known of how the base came about, but when.
    const own = rows.filter(({ createdBy }) => createdBy !== '');
    const steps = own.map(({ created, createdBy }) => `${created} ${createdBy}`).reverse();
    return Object.fromEntries(entries.map(([key, value]) => [key, key === 'history' ? steps : value]));
  } finally {
    store.close();
  }
}

function picked(config: object, wanted: unknown): object {
  const all = config as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.keys(wanted as object).map((key) => [key, all[key] ?? null]));
}

/** A text, a document, the paths in a directory, or what stands in an archive. */
async function contentOf(path: string, blurred: (text: string) => string): Promise<unknown> {
  const [file = '', inside] = path.split('#');
  if (!lstatSync(file, { throwIfNoEntry: false })) return null;
  if (lstatSync(file).isDirectory())
    return inside === undefined
      ? (readdirSync(file, { recursive: true }) as string[]).map(blurred).sort()
      : documentIn((name) => readFileSync(join(file, name)), inside, blurred);
  if (!file.endsWith('.tar')) {
    const text = blurred(readFileSync(file, 'utf8'));
    return file.endsWith('.json') ? JSON.parse(text) : text;
  }
  const members = new Map<string, Buffer>();
  const times: string[] = [];
  for await (const { path: name, body, mtimeNs } of readArchive(createReadStream(file))) {
    const chunks: Buffer[] = [];
    for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
    members.set(name, Buffer.concat(chunks));
    times.push(`${blurred(name)} ${mtimeNs / 1_000_000_000n}`);
  }
  return inside === undefined ? times.sort() : documentIn((name) => members.get(name)!, inside, blurred);
}

/** `index`, or the `manifest` or `config` of the first image, of an OCI layout; sizes are left out. */
function documentIn(
  read: (name: string) => Buffer,
  which: string,
  blurred: (text: string) => string,
): unknown {
  const json = (name: string) => JSON.parse(read(name).toString());
  const blob = ({ digest }: { digest: string }) => json(`blobs/${digest.replace(':', '/')}`);
  const index = json('index.json');
  const first = index.manifests[0];
  const inner = /index/.test(first.mediaType) ? blob(first) : undefined;
  const manifest = blob(inner === undefined ? first : inner.manifests[0]);
  const found = { index, inner, manifest, config: which === 'config' ? blob(manifest.config) : undefined };
  const text = JSON.stringify(found[which as keyof typeof found], (key, value) =>
    key === 'size' ? undefined : value,
  );
  return JSON.parse(blurred(text));
}
