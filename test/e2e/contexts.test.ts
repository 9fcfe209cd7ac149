import { Readable } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import { type BytePath, type DiffId, openStore } from '../../layers/index.ts';
import { build, importImage, inspectImages } from '../../src/index.ts';
import { busyboxTar, rootfsProblem } from '../support/busybox-rootfs.ts';
import { contextCases, makeContext } from '../support/context-cases.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { shortListing } from '../support/tree-listing.ts';

if (rootfsProblem !== undefined) console.log(`skipped: builds of fixtures/contexts: ${rootfsProblem}`);

describe.skipIf(rootfsProblem !== undefined)('build()', () => {
  let busybox: Buffer;

  beforeAll(() => {
    busybox = busyboxTar();
  });

  test.each(contextCases())('makes of $name what Docker makes of it', async (given) => {
    const storeRoot = `${tempFolder()}/store`;
    const config = { Cmd: ['sh'], Env: ['PATH=/bin'] };
    const base = await importImage(Readable.from([busybox]), { storeRoot, tag: 'busybox', config });
    const { result } = build({ context: makeContext(given), storeRoot, network: 'none' });
    const { imageId } = await result;
    const { expected } = given;

    const made = await inspect(storeRoot, imageId!);
    expect(made.config).toMatchObject(expected.config ?? {});
    const { files: before } = await inspect(storeRoot, base);
    const isOnBase = Object.hasOwn(made.files, '/bin/busybox');
    expect(changes(isOnBase ? before : {}, made.files)).toEqual({
      files: expected.files,
      gone: expected.gone ?? [],
    });
  });
});

type Listing = Readonly<Record<BytePath, string>>;

/** Config and files of an image, all layers on top of each other. */
async function inspect(
  storeRoot: string,
  id: string,
): Promise<{ readonly config: object; readonly files: Listing }> {
  const [image] = await inspectImages([id], { storeRoot });
  const store = openStore(storeRoot);
  try {
    const layers = image!.RootFS.Layers.map((diffId) => store.snapshots.layer(diffId as DiffId)!);
    return { config: image!.Config, files: shortListing(store.snapshots.view(layers)) };
  } finally {
    store.close();
  }
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
