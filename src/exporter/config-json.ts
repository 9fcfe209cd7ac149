import type { ContainerConfig, HistoryEntry, ImageConfig } from '../../layers/index.ts';

/** Field that holds an inline cache: docs/cache-export.md. */
export const INLINE_FIELD = 'dev.tsbuild.cache.v1';

/** Field orders of Go's structs (image-spec `specs-go/v1`, Docker's extension), so that equal images are equal bytes. */
const CONTAINER_FIELDS = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'ArgsEscaped',
  'Healthcheck',
  'OnBuild',
  'Shell',
] as const satisfies readonly (keyof ContainerConfig)[];
const HEALTHCHECK_FIELDS = [
  'Test',
  'Interval',
  'Timeout',
  'StartPeriod',
  'StartInterval',
  'Retries',
] as const;
const HISTORY_FIELDS = ['created', 'created_by', 'author', 'comment', 'empty_layer'] as const;

/**
 * An image configuration as canonical JSON: BuildKit's order (top level by name, the rest as Go's structs, maps by key),
 * empty fields left out, and the escapes of Go's encoder.
 */
export function configJson(image: ImageConfig, inlineCache?: object): Buffer {
  const ordered = {
    architecture: image.architecture,
    author: image.author,
    config: containerJson(image.config ?? {}),
    created: image.created,
    history: image.history?.map(historyJson),
    os: image.os,
    'os.features': image['os.features'],
    'os.version': image['os.version'],
    rootfs: { type: 'layers', diff_ids: image.rootfs.diff_ids },
    variant: image.variant,
    [INLINE_FIELD]: inlineCache,
  };
  return Buffer.from(goEscaped(JSON.stringify(ordered)));
}

function containerJson(config: ContainerConfig): object {
  const { Healthcheck: check, ...plain } = config;
  const fields = {
    ...plain,
    ExposedPorts: sorted(config.ExposedPorts),
    Volumes: sorted(config.Volumes),
    Labels: sorted(config.Labels),
    Healthcheck: check && picked(check, HEALTHCHECK_FIELDS),
  };
  return picked(fields, CONTAINER_FIELDS);
}

function historyJson(entry: HistoryEntry): object {
  return picked(entry, HISTORY_FIELDS);
}

/** The fields in the order given, without those that Go's `omitempty` leaves out. */
function picked(value: object, fields: readonly string[]): object {
  const given = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(fields.map((name) => [name, given[name]]).filter(([, field]) => !isEmpty(field)));
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === '' || value === 0 || value === false;
}

/** Go sorts keys of maps bytewise. */
function sorted<T>(map: Readonly<Record<string, T>> | undefined): Readonly<Record<string, T>> | undefined {
  if (map === undefined) return undefined;
  const bytes = (text: string) => Buffer.from(text);
  return Object.fromEntries(Object.entries(map).sort(([one], [other]) => bytes(one).compare(bytes(other))));
}

/** encoding/json escapes what would matter inside HTML. */
function goEscaped(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
