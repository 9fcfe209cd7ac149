import { closeSync } from 'node:fs';
import type { Layer, Store } from '../../layers/index.ts';
import { bytePath, createHash } from '../../layers/index.ts';
import type { Vertex } from '../llb/definition.ts';
import type { HttpSourceOp } from '../llb/op.ts';
import type { Environment } from '../registry/proxy.ts';
import type { Operation, OperationContext } from '../solver/operation.ts';
import { type Download, download, type Validators } from './download.ts';
import { OperationError } from './operation-error.ts';

/** Records of what was downloaded before, with what the server needs to tell whether it has changed. */
const SPACE = 'http';

/** What such a record says. Its layer is the file. */
interface Remembered extends Validators {
  /** `sha256:…` of the file. */
  readonly digest: string;
}

/** ADD of a URL: one file, mode 0600, owned by root, as old as the server says. It is asked each time whether the file has changed. */
export function httpSourceOperation(store: Store, environment: Environment = process.env): Operation {
  return {
    cached: false,
    // Whoever uses a download keys by the content that it takes from it.
    async keyParts({ op }) {
      const { url, checksum, filename } = op as HttpSourceOp;
      return [{ name: 'download', value: JSON.stringify([url, checksum ?? null, filename ?? null]) }];
    },
    async run(vertex, _inputs, context) {
      const layer = await fetchLayer(store, vertex, environment, context);
      return { kind: 'layers', layers: [layer] };
    },
  };
}

async function fetchLayer(
  store: Store,
  vertex: Vertex,
  environment: Environment,
  context: OperationContext,
): Promise<Layer> {
  const op = vertex.op as HttpSourceOp;
  const url = new URL(op.url);
  const name = fileName(op.filename ?? nameFromUrl(url));
  const key = createHash('sha256')
    .update(JSON.stringify([op.url, name]))
    .digest('hex');
  return store.records.exclusive(SPACE, key, async () => {
    const known = rememberedFile(store, key);
    const told = (digest: string) => context.fetched?.(op, digest);
    if (known !== undefined && op.checksum === known.digest) {
      told(known.digest);
      return known.layer;
    }
    const progress = progressOf(vertex, context);
    // With a checksum the file must be seen: "unchanged" would only say that it is still not known to be right.
    const expectation =
      op.checksum === undefined ? known && { validators: known } : { checksum: op.checksum };
    const fetched = await download({ url, environment, ...expectation, signal: context.signal, progress });
    told(fetched === 'unchanged' ? known!.digest : fetched.digest);
    if (fetched === 'unchanged') return known!.layer;
    return keep(store, key, name, fetched);
  });
}

function rememberedFile(store: Store, key: string): (Remembered & { readonly layer: Layer }) | undefined {
  const record = store.records.get(SPACE, key);
  const diffId = record?.layers?.[0];
  const layer = diffId && store.snapshots.layer(diffId);
  const value = record?.value;
  if (layer === undefined || typeof value !== 'object' || value === null || !('digest' in value))
    return undefined;
  const text = (field: string) => {
    const found = (value as Readonly<Record<string, unknown>>)[field];
    return typeof found === 'string' ? found : undefined;
  };
  const [etag, lastModified] = [text('etag'), text('lastModified')];
  return {
    layer,
    digest: text('digest') ?? '',
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
  };
}

/** Puts the file into a layer, and remembers it for the next time. */
async function keep(store: Store, key: string, name: string, fetched: Download): Promise<Layer> {
  const snapshot = store.snapshots.prepare([]);
  try {
    const writer = snapshot.writer();
    const { fd, size, mtimeNs } = fetched;
    writer.file(`/${bytePath(name)}`, { fd, size }, { mode: 0o600, uid: 0, gid: 0, mtimeNs });
    writer.setAttributes('/', { mtimeNs });
    writer.finish();
    const layer = snapshot.commit();
    const { diffId } = await layer.diff;
    const value: Remembered = { digest: fetched.digest, ...fetched.validators };
    store.records.set(SPACE, key, { layers: [diffId], value });
    return layer;
  } catch (error) {
    snapshot.abort();
    throw error;
  } finally {
    closeSync(fetched.fd);
  }
}

/** The last element of the URL's path, without the query. */
function nameFromUrl({ pathname }: URL): string {
  const last = pathname.replace(/\/+$/, '').split('/').at(-1)!;
  try {
    return decodeURIComponent(last) || '__unnamed__';
  } catch {
    return last;
  }
}

/** A name that is one component of a path, whatever the Dockerfile or a server made of it. */
function fileName(name: string): string {
  const isSafe = name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
  if (isSafe && Buffer.byteLength(name) <= 255) return name;
  throw new OperationError(
    'INVALID_ARGUMENT',
    name,
    `Cannot name a download ${JSON.stringify(name.slice(0, 300))}: it is no file name`,
  );
}

function progressOf(
  { digest }: Vertex,
  { report }: OperationContext,
): (current: number, total?: number) => void {
  const started = Date.now();
  return (current, total) => {
    const isDone = current === total;
    report({
      kind: 'status',
      vertex: digest,
      id: 'downloading',
      current,
      ...(total !== undefined && { total }),
      started,
      ...(isDone && { completed: Date.now() }),
    });
  };
}
