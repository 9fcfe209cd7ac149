import { type DiffId, parseDiffId } from './digest.ts';
import {
  dictionary,
  Fields,
  flag,
  integer,
  invalid,
  list,
  parseDocument,
  present,
  type Reader,
  readDigest,
  text,
} from './document.ts';

/** How a container of the image runs. image-spec config.md, "config", with Docker's extensions. */
export interface ContainerConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly ArgsEscaped?: boolean;
  readonly Healthcheck?: Healthcheck;
  readonly Shell?: readonly string[];
  readonly OnBuild?: readonly string[];
}

/** Durations are nanoseconds, as Docker writes them. */
export interface Healthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** One line of an image's history. image-spec config.md, "history". */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** image-spec config.md. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly config?: ContainerConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly DiffId[] };
  readonly history?: readonly HistoryEntry[];
}

/** Bytes of an image configuration. */
export const MAX_CONFIG_BYTES = 8 << 20;
const MAX_DIFF_IDS = 1024;
const MAX_ENTRIES = 65_536;

const texts = list(text, MAX_ENTRIES);
/** Docker writes empty strings for what is not set. */
const notEmpty = (fields: Fields, name: string) => fields.optional(name, text) || undefined;
/** A Go set: only the names count. */
const names = dictionary((): object => ({}));

/** Parses an image configuration from outside. Throws `INVALID_MANIFEST`, `LIMIT_EXCEEDED`. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const fields = parseDocument(bytes, MAX_CONFIG_BYTES);
  return present({
    created: fields.optional('created', text),
    author: notEmpty(fields, 'author'),
    architecture: fields.required('architecture', text),
    variant: notEmpty(fields, 'variant'),
    os: fields.required('os', text),
    'os.version': notEmpty(fields, 'os.version'),
    'os.features': fields.optional('os.features', list(text, 64)),
    config: fields.optional('config', readContainerConfig),
    rootfs: fields.required('rootfs', readRootfs),
    history: fields.optional('history', list(readHistory, MAX_ENTRIES)),
  });
}

const readRootfs: Reader<ImageConfig['rootfs']> = (value, path) => {
  const fields = new Fields(value, path);
  const type = fields.required('type', text);
  if (type !== 'layers') throw invalid(fields.pathOf('type'), `is "${type}", and only "layers" is known`);
  const diffIds = fields.optional('diff_ids', list(readDigest, MAX_DIFF_IDS)) ?? [];
  return { type, diff_ids: diffIds.map(parseDiffId) };
};

const readHistory: Reader<HistoryEntry> = (value, path) => {
  const fields = new Fields(value, path);
  return present({
    created: fields.optional('created', text),
    created_by: fields.optional('created_by', text),
    author: notEmpty(fields, 'author'),
    comment: notEmpty(fields, 'comment'),
    empty_layer: fields.optional('empty_layer', flag),
  });
};

const readContainerConfig: Reader<ContainerConfig> = (value, path) => {
  const fields = new Fields(value, path);
  return present({
    User: notEmpty(fields, 'User'),
    ExposedPorts: fields.optional('ExposedPorts', names),
    Env: fields.optional('Env', texts),
    Entrypoint: fields.optional('Entrypoint', texts),
    Cmd: fields.optional('Cmd', texts),
    Volumes: fields.optional('Volumes', names),
    WorkingDir: notEmpty(fields, 'WorkingDir'),
    Labels: fields.optional('Labels', dictionary(text)),
    StopSignal: notEmpty(fields, 'StopSignal'),
    ArgsEscaped: fields.optional('ArgsEscaped', flag),
    Healthcheck: fields.optional('Healthcheck', readHealthcheck),
    Shell: fields.optional('Shell', texts),
    OnBuild: fields.optional('OnBuild', texts),
  });
};

const readHealthcheck: Reader<Healthcheck> = (value, path) => {
  const fields = new Fields(value, path);
  return present({
    Test: fields.optional('Test', texts),
    Interval: fields.optional('Interval', integer),
    Timeout: fields.optional('Timeout', integer),
    StartPeriod: fields.optional('StartPeriod', integer),
    StartInterval: fields.optional('StartInterval', integer),
    Retries: fields.optional('Retries', integer),
  });
};
