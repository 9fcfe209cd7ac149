import type { ImageForm } from '../exporter/compressed.ts';
import { type AnnotationRequest, outputAnnotation } from './annotations.ts';
import { ApiError } from './errors.ts';
import type { OutputRequest } from './types.ts';

/** The attributes of one `-o`, read. */
export interface OutputOptions {
  /** Names that the image gets, as written. */
  readonly names: readonly string[];
  readonly push: boolean;
  /** Push without a tag. */
  readonly byDigest: boolean;
  /** The registry is spoken to in plain HTTP. */
  readonly insecure: boolean;
  /** The image stays in the store, whatever that takes; undefined: unless that would take layers that nobody needs. */
  readonly store?: boolean;
  /** Keep the image under its digest with this name before it. */
  readonly danglingPrefix?: string;
  /** Name the image by its digest too. */
  readonly canonical: boolean;
  /** Of layers on their way out; undefined: as is usual there. */
  readonly form?: Partial<ImageForm>;
  /** Undefined: the build's own; null: none. */
  readonly epoch?: number | null;
  /** No file of the layers made here is newer than the epoch. */
  readonly rewriteTimestamps: boolean;
  readonly annotations: readonly AnnotationRequest[];
  /** An archive, and not a directory. */
  readonly tar: boolean;
  /** Undefined: where there are several platforms. */
  readonly platformSplit?: boolean;
  /** What is in the directory and not in the image is removed. */
  readonly deletes: boolean;
  /** Of the names of attestations beside files. */
  readonly attestationPrefix: string;
}

type Mutable = { -readonly [K in keyof OutputOptions]: OutputOptions[K] };
type Read = (options: Mutable, value: string, key: string) => void;

const flag = (set: (options: Mutable, value: boolean) => void): Read => {
  return (options, value, key) => {
    if (/^(?:1|t|true)$/i.test(value)) set(options, true);
    else if (/^(?:0|f|false)$/i.test(value)) set(options, false);
    else throw wrong(key, `non-bool value "${value}" specified for ${key}: write true or false`);
  };
};

/** Asks for what is so in any case. */
const asIs = flag(() => {});

const epoch: Read = (options, value) => {
  if (value !== '' && !/^[+-]?\d{1,15}$/.test(value))
    throw wrong('source-date-epoch', `invalid source-date-epoch: ${value}: write seconds since 1970`);
  options.epoch = value === '' ? null : Number(value);
};

const IMAGE: Readonly<Record<string, Read>> = {
  name: (options, value) => {
    options.names = value.split(',');
  },
  push: flag((options, value) => {
    options.push = value;
  }),
  'push-by-digest': flag((options, value) => {
    options.byDigest = value;
  }),
  'registry.insecure': flag((options, value) => {
    options.insecure = value;
  }),
  'dangling-name-prefix': (options, value) => {
    options.danglingPrefix = value;
  },
  'name-canonical': flag((options, value) => {
    options.canonical = value;
  }),
  'source-date-epoch': epoch,
  'rewrite-timestamp': flag((options, value) => {
    options.rewriteTimestamps = value;
  }),
  compression: (options, value) => {
    options.form = { ...options.form, compression: compressionKind(value) };
  },
  'compression-level': (options, value, key) => {
    if (!/^\d{1,2}$/.test(value)) throw wrong(key, `non-integer value "${value}" specified for ${key}`);
    options.form = { compression: 'gzip', ...options.form, level: Number(value) };
  },
  'force-compression': flag((options, value) => {
    options.form = { compression: 'gzip', ...options.form, force: value };
  }),
  'oci-mediatypes': flag((options, value) => {
    options.form = { ...options.form, mediaTypes: value ? 'oci' : 'docker' };
  }),
  'oci-artifact': asIs,
  'attestation-inline': asIs,
  'prefer-nondist-layers': asIs,
  unpack: asIs,
  store: flag((options, value) => {
    options.store = value;
  }),
  'skip-attestations': asIs,
};

const ARCHIVE: Readonly<Record<string, Read>> = {
  ...IMAGE,
  tar: flag((options, value) => {
    options.tar = value;
  }),
  context: asIs,
};

const FILES: Readonly<Record<string, Read>> = {
  'source-date-epoch': epoch,
  'platform-split': flag((options, value) => {
    options.platformSplit = value;
  }),
  'attestation-prefix': (options, value) => {
    options.attestationPrefix = value;
  },
};

const KEYS: Readonly<Record<OutputRequest['type'], Readonly<Record<string, Read>>>> = {
  image: IMAGE,
  oci: ARCHIVE,
  docker: ARCHIVE,
  tar: FILES,
  local: {
    ...FILES,
    mode: (options, value) => {
      if (value !== 'copy' && value !== 'delete')
        throw wrong('mode', `invalid local exporter mode "${value}": use copy or delete`);
      options.deletes = value === 'delete';
    },
  },
  cacheonly: {},
};

/** Reads the attributes of an output. Throws `BAD_REQUEST` for one that it does not have, or that cannot be. */
export function outputOptions(output: OutputRequest): OutputOptions {
  const options: Mutable = {
    names: output.type === 'image' && output.name !== undefined ? output.name.split(',') : [],
    push: false,
    byDigest: false,
    insecure: false,
    canonical: false,
    rewriteTimestamps: false,
    annotations: [],
    tar: true,
    deletes: false,
    attestationPrefix: '',
  };
  for (const [key, value] of Object.entries('attributes' in output ? output.attributes : {})) {
    const annotation =
      output.type === 'local' || output.type === 'tar' ? undefined : outputAnnotation(key, value);
    if (annotation !== undefined) {
      options.annotations = [...options.annotations, annotation];
      continue;
    }
    const read = Object.hasOwn(KEYS[output.type], key) ? KEYS[output.type][key] : undefined;
    if (read === undefined) {
      const known = Object.keys(KEYS[output.type]).join(', ');
      throw wrong(key, `unknown attribute "${key}" of output type ${output.type}: it has ${known || 'none'}`);
    }
    read(options, value, key);
  }
  return options;
}

function compressionKind(value: string): ImageForm['compression'] {
  if (value === 'gzip' || value === 'zstd') return value;
  if (value === 'uncompressed') return 'none';
  const why = value === 'estargz' ? 'compression=estargz is not supported' : `unknown compression "${value}"`;
  throw wrong('compression', `${why}: use gzip, zstd or uncompressed`);
}

function wrong(key: string, message: string): ApiError {
  return new ApiError('BAD_REQUEST', key, message);
}

/** `linux_arm64`, as buildx calls the directory of a platform. */
export function platformFolder(formatted: string): string {
  return formatted.replaceAll('/', '_');
}
