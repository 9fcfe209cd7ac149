import { parseDiffId } from './digest.ts';
import type { ContainerConfig, Healthcheck, HistoryEntry, ImageConfig } from './image-config.ts';
import { defined, JsonFields } from './json-fields.ts';

/** Bytes of an image configuration. */
export const CONFIG_LIMIT = 8 * 1024 * 1024;

/**
 * Reads an image configuration from outside: the known fields, with `null` taken as absent and every type checked.
 * Throws `INVALID_MANIFEST` naming the field, `INVALID_DIGEST`.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const fields = JsonFields.parse(bytes, 'image configuration');
  const config = fields.object('config');
  const rootfs = fields.object('rootfs') ?? fields.fail('rootfs', 'there');
  return defined<ImageConfig>({
    created: fields.string('created'),
    author: fields.string('author') || undefined,
    architecture: fields.string('architecture') ?? '',
    variant: fields.string('variant') || undefined,
    os: fields.string('os') || 'linux',
    'os.version': fields.string('os.version') || undefined,
    'os.features': fields.strings('os.features'),
    config: config && readContainerConfig(config),
    rootfs: { type: 'layers', diff_ids: (rootfs.array('diff_ids') ?? []).map(parseDiffId) },
    history: fields.objects('history')?.map(readHistoryEntry),
  });
}

function readContainerConfig(fields: JsonFields): ContainerConfig {
  const check = fields.object('Healthcheck');
  return defined<ContainerConfig>({
    User: fields.string('User') || undefined,
    ExposedPorts: fields.keySet('ExposedPorts'),
    Env: fields.strings('Env'),
    Entrypoint: fields.strings('Entrypoint'),
    Cmd: fields.strings('Cmd'),
    Volumes: fields.keySet('Volumes'),
    WorkingDir: fields.string('WorkingDir') || undefined,
    Labels: fields.stringMap('Labels'),
    StopSignal: fields.string('StopSignal') || undefined,
    ArgsEscaped: fields.boolean('ArgsEscaped') || undefined,
    Healthcheck: check && readHealthcheck(check),
    Shell: fields.strings('Shell'),
    OnBuild: fields.strings('OnBuild'),
  });
}

function readHealthcheck(fields: JsonFields): Healthcheck {
  return defined<Healthcheck>({
    Test: fields.strings('Test'),
    Interval: fields.integer('Interval'),
    Timeout: fields.integer('Timeout'),
    StartPeriod: fields.integer('StartPeriod'),
    StartInterval: fields.integer('StartInterval'),
    Retries: fields.integer('Retries'),
  });
}

function readHistoryEntry(fields: JsonFields): HistoryEntry {
  return defined<HistoryEntry>({
    created: fields.string('created'),
    created_by: fields.string('created_by'),
    author: fields.string('author') || undefined,
    comment: fields.string('comment') || undefined,
    empty_layer: fields.boolean('empty_layer') || undefined,
  });
}
