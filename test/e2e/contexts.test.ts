import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BytePath, type DiffId, type FileTree, openStore } from '../../layers/index.ts';
import {
  type BuildRequest,
  build,
  describeBuildError,
  history,
  importImage,
  inspectImages,
  type ProgressEvent,
} from '../../src/index.ts';
import { busyboxTar, rootfsProblem } from '../support/busybox-rootfs.ts';
import { type ContextExpectation, contextCases, makeContext, requestOf } from '../support/context-cases.ts';
import { lastingFolder } from '../support/temp-folder.ts';
import { shortListing } from '../support/tree-listing.ts';

if (rootfsProblem !== undefined) console.log(`skipped: builds of fixtures/contexts: ${rootfsProblem}`);

describe.skipIf(rootfsProblem !== undefined)('build()', () => {
  // One store for all cases: what one of them has built is a cached step of another, and is to be right there too.
  let store: ReturnType<typeof lastingFolder>;
  let base: string;

  beforeAll(async () => {
    store = lastingFolder();
    const config = { Cmd: ['sh'], Env: ['PATH=/bin'] };
    const busybox = Readable.from([busyboxTar()]);
    base = await importImage(busybox, { storeRoot: store.path, tag: 'busybox', config });
  });

  afterAll(() => store.remove());

  test.each(contextCases())('makes of $name what Docker makes of it', async (given) => {
    const request = { ...(await requestOf(given, makeContext(given))), storeRoot: store.path };
    const observed = await observe(request, base, given.expected);
    await expect(`${JSON.stringify(observed, undefined, 2)}\n`).toMatchFileSnapshot(given.file);
  });
});

type Listing = Readonly<Record<BytePath, string>>;

/** What the case says about itself, and what there is to see of those things that it has an eye on. */
async function observe(
  request: BuildRequest & { readonly storeRoot: string },
  base: string,
  expected: ContextExpectation,
): Promise<ContextExpectation> {
  const { about, context, request: asked } = expected;
  const given = { about, ...(context && { context }), ...(asked && { request: asked }) };
  const started = build(request);
  const events: ProgressEvent[] = [];
  for await (const event of started) events.push(event);
  const warnings = expected.warnings && { warnings: warningsIn(events) };
  let imageId: string;
  try {
    imageId = (await started.result).imageId!;
  } catch (error) {
    if (expected.error === undefined) throw error;
    return { ...given, ...warnings, error: await readableError(error as Error, request.context as string) };
  }
  return { ...given, ...warnings, ...(await observeImage(request.storeRoot, imageId, base, expected)) };
}

async function observeImage(storeRoot: string, id: string, base: string, expected: ContextExpectation) {
  const made = await inspect(storeRoot, id);
  const { files: before } = await inspect(storeRoot, base);
  const isOnBase = Object.hasOwn(made.files, '/bin/busybox');
  const { files, gone } = changes(isOnBase ? before : {}, made.files);
  const picked = Object.keys(expected.config ?? {}).map((key) => [key, made.config[key] ?? null]);
  const times = Object.keys(expected.times ?? {}).map((path) => [path, made.mtime(path)]);
  return {
    ...(picked.length > 0 && { config: Object.fromEntries(picked) }),
    ...(expected.history && { history: await historyOf(storeRoot, id) }),
    files,
    ...(times.length > 0 && { times: Object.fromEntries(times) }),
    ...(gone.length > 0 && { gone }),
  };
}

/** Config and files of an image, all layers on top of each other. */
async function inspect(storeRoot: string, id: string) {
  const [image] = await inspectImages([id], { storeRoot });
  const store = openStore(storeRoot);
  try {
    const layers = image!.RootFS.Layers.map((diffId) => store.snapshots.layer(diffId as DiffId)!);
    const tree = store.snapshots.view(layers);
    const files: Listing = shortListing(tree);
    const seconds = new Map(Object.keys(files).map((path) => [path, mtimeOf(tree, path)]));
    return {
      config: image!.Config as Readonly<Record<string, unknown>>,
      files,
      mtime: (path: string) => seconds.get(path) ?? null,
    };
  } finally {
    store.close();
  }
}

function mtimeOf(tree: FileTree, path: BytePath): number {
  return Number(tree.lookup(path)!.stat.mtimeNs / 1_000_000_000n);
}

async function historyOf(storeRoot: string, id: string): Promise<readonly string[]> {
  const rows = await history(id, { storeRoot });
  return rows.map(({ createdBy }) => createdBy).reverse();
}

function warningsIn(events: readonly ProgressEvent[]): readonly string[] {
  return events.flatMap((event) => (event.kind === 'warning' ? [event.short] : []));
}

/** Without what is another one each time: the place of the log and that of the context. */
async function readableError(error: Error, context: string): Promise<readonly string[]> {
  const text = (await describeBuildError(error, { colour: false })).replaceAll(context, 'CONTEXT');
  return text.split('\n').filter((line) => !line.startsWith('LOG: '));
}

function changes(
  before: Listing,
  after: Listing,
): { readonly files: Listing; readonly gone: readonly string[] } {
  const isNew = ([path, line]: [string, string]) => before[path] !== line;
  return {
    files: Object.fromEntries(Object.entries(after).filter(isNew)),
    gone: Object.keys(before).filter((path) => !Object.hasOwn(after, path)),
  };
}
