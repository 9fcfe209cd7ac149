import type { ContainerConfig, Digest, HistoryEntry, Store } from '../../layers/index.ts';
import { type ListedImage, layerSizes } from './listing.ts';

/** `docker image inspect`, one element: the fields that Docker 28 prints and its clients read. */
export interface InspectedImage {
  readonly Id: Digest;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent: '';
  readonly Comment: string;
  readonly Created: string;
  readonly DockerVersion: '';
  readonly Author: string;
  readonly Config: object;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  readonly OsVersion?: string;
  readonly Size: number;
  readonly GraphDriver: { readonly Name: string; readonly Data: Readonly<Record<string, string>> | null };
  readonly RootFS: { readonly Type: 'layers'; readonly Layers: readonly string[] };
  readonly Metadata: { readonly LastTagTime: string };
  readonly Descriptor: object;
}

/** One line of `docker history`, newest first. */
export interface HistoryRow {
  /** The image's id on the first line, else `<missing>`: steps in between are no images. */
  readonly id: string;
  /** RFC 3339; undefined when the image does not say. */
  readonly created?: string;
  readonly createdBy: string;
  /** Bytes of the step's layer tar; 0 without a layer. */
  readonly size: number;
  readonly comment: string;
}

const NO_TIME = '0001-01-01T00:00:00Z';

/** What `docker image inspect` says of an image. */
export function inspectImage(
  store: Store,
  { id, target, image, tags, digests, size }: ListedImage,
): InspectedImage {
  const { config } = image;
  return {
    Id: id,
    RepoTags: tags,
    RepoDigests: digests,
    Parent: '',
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? NO_TIME,
    DockerVersion: '',
    Author: config.author ?? '',
    Config: inspectedConfig(config.config ?? {}),
    Architecture: config.architecture,
    ...(config.variant && { Variant: config.variant }),
    Os: config.os,
    ...(config['os.version'] && { OsVersion: config['os.version'] }),
    Size: size,
    GraphDriver: { Name: 'overlay2', Data: layerDirectories(store, image.config.rootfs.diff_ids) },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: lastTagTime(store, target.digest) },
    Descriptor: target,
  };
}

/** What `docker history` says of an image. An image without history has one line per layer. */
export function imageHistory(store: Store, { id, image }: ListedImage): HistoryRow[] {
  const sizes = layerSizes(store, image);
  const entries: readonly HistoryEntry[] = image.config.history ?? sizes.map(() => ({}));
  let layer = 0;
  const rows = entries.map((entry) => ({
    ...(entry.created !== undefined && { created: entry.created }),
    createdBy: entry.created_by ?? '',
    size: entry.empty_layer === true ? 0 : (sizes[layer++] ?? 0),
    comment: entry.comment ?? '',
  }));
  return rows.reverse().map((row, index) => ({ id: index === 0 ? id : '<missing>', ...row }));
}

/** Docker prints these whether or not they are set; others only when they are. */
function inspectedConfig(config: ContainerConfig): object {
  const always = {
    Cmd: null,
    Entrypoint: null,
    Env: null,
    Labels: null,
    OnBuild: null,
    User: '',
    Volumes: null,
    WorkingDir: '',
  };
  const fields = Object.entries({ ...always, ...config }).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(fields);
}

/** Bottom layer last, as overlayfs takes them; null unless everything is unpacked. */
function layerDirectories(store: Store, diffIds: ListedImage['image']['config']['rootfs']['diff_ids']) {
  const directories = diffIds.map((diffId) => store.snapshots.layer(diffId)?.directory());
  const found = directories.filter((directory) => directory !== undefined).reverse();
  const [upper, ...lower] = found;
  if (upper === undefined || found.length < diffIds.length) return null;
  return { ...(lower.length > 0 && { LowerDir: lower.join(':') }), UpperDir: upper };
}

function lastTagTime(store: Store, digest: Digest): string {
  const times = store.images
    .list()
    .filter(({ target }) => target.digest === digest)
    .map(({ updatedAt }) => updatedAt);
  return times.sort().at(-1) ?? NO_TIME;
}
