import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Lease } from '../../layers/gc/lease.ts';
import { type DiffId, type DiffInfo, hexOf, type Layer, type Store, StoreError } from '../../layers/index.ts';
import type { LayerBackend } from '../../layers/open-store.ts';

/** A snapshotter that can only publish layers and find them again: enough for what the store itself does with them. */
function bareSnapshotter({
  root,
  lease,
}: {
  readonly root: string;
  readonly lease: Lease;
}): LayerBackend['snapshots'] {
  let count = 0;
  const pathOf = (diffId: DiffId) => join(root, 'layers/sha256', hexOf(diffId));
  const describe = (info: DiffInfo): Layer & { readonly info: DiffInfo } => ({
    info,
    diff: Promise.resolve(info),
    directory: () => join(pathOf(info.diffId), 'fs'),
  });
  const infoOf = (diffId: DiffId) =>
    JSON.parse(readFileSync(join(pathOf(diffId), 'layer.json'), 'utf8')) as DiffInfo;
  const unsupported = () => {
    throw new Error('not needed here');
  };
  return {
    layer(diffId) {
      if (!lease.hold('layer', diffId, () => existsSync(pathOf(diffId)))) return undefined;
      return describe(infoOf(diffId));
    },
    async publish(fill) {
      const directory = join(root, 'active', `${lease.id}.${count++}`);
      try {
        mkdirSync(join(directory, 'fs'), { recursive: true });
        const info = await fill(join(directory, 'fs'));
        writeFileSync(join(directory, 'layer.json'), JSON.stringify(info));
        lease.hold('layer', info.diffId, () => {
          if (!existsSync(pathOf(info.diffId))) renameSync(directory, pathOf(info.diffId));
          return true;
        });
        return describe(info);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
    *list() {
      for (const hex of readdirSync(join(root, 'layers/sha256'))) {
        const diffId = `sha256:${hex}` as DiffId;
        yield {
          ...infoOf(diffId),
          directory: join(pathOf(diffId), 'fs'),
          disk: 0,
        };
      }
    },
    close() {},
    prepare: unsupported,
    notNewerThan: unsupported,
    view: unsupported,
    written: unsupported,
  };
}

/** Keeps the bytes of a layer's "tar" as one file. Whatever starts with `bad` is no archive. */
const byteTools: Awaited<ReturnType<LayerBackend['tools']>> = {
  decompress(source, mediaType) {
    if (!mediaType.endsWith('gzip')) return source;
    const gunzip = createGunzip();
    source.on('error', (error) => gunzip.destroy(error)).pipe(gunzip);
    return gunzip;
  },
  async applyLayer(tar, directory) {
    const hash = createHash('sha256');
    const parts: Buffer[] = [];
    try {
      for await (const chunk of tar) {
        hash.update(chunk);
        parts.push(chunk);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code?.startsWith('Z_'))
        throw new StoreError('INVALID_ARCHIVE', 'layer', 'Not a gzip file', { cause: error });
      throw error;
    }
    const bytes = Buffer.concat(parts);
    if (bytes.toString('latin1', 0, 3) === 'bad')
      throw new StoreError('INVALID_ARCHIVE', 'layer', 'Not an archive');
    writeFileSync(join(directory, 'tar'), bytes);
    return { diffId: `sha256:${hash.digest('hex')}` as DiffId, size: bytes.length, entries: 1, disk: 4096 };
  },
};

/** Layers of one file each, which holds the "tar": for tests of what the store does with any layers. */
export function bareLayers(store: { readonly root: string; readonly lease: Lease }): LayerBackend {
  return {
    snapshots: bareSnapshotter(store),
    openTar: (layer) => createReadStream(join(layer.directory(), 'tar')),
    tools: async () => byteTools,
  };
}

/** Makes a layer as a build does: without a blob. */
export async function makeLayer(store: Store, text: string): Promise<DiffId> {
  const { publish } = store.snapshots as LayerBackend['snapshots'];
  const { info } = await publish((directory) =>
    byteTools.applyLayer(Readable.from([Buffer.from(text)]), directory),
  );
  return info.diffId;
}
