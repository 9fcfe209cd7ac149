import { isAbsolute, posix, resolve } from 'node:path';
import type { MountRequest } from '../index.ts';
import { UsageError } from './usage-error.ts';
import { parseBoolean, parseBytes, parseOptionList } from './values.ts';

/** `-v [SOURCE:]TARGET[:OPTIONS]`. A source with a slash is a host path, else a volume's name. */
export function parseVolumeOption(text: string): MountRequest {
  const parts = text.split(':');
  const [source, target, options] =
    parts.length === 1 ? [undefined, parts[0]!] : [parts[0]!, parts[1]!, parts[2]];
  if (parts.length > 3 || target === '' || source === '') {
    throw new UsageError(`invalid volume specification: '${text}': write [SOURCE:]TARGET[:ro]`);
  }
  const words = (options ?? '').split(',').filter((word) => word !== '');
  const unknown = words.find((word) => !VOLUME_OPTIONS.includes(word));
  if (unknown !== undefined) {
    throw new UsageError(`invalid mode: ${unknown} in '${text}': use ${VOLUME_OPTIONS.join(', ')}`);
  }
  const readonly = words.includes('ro');
  const clean = absoluteTarget(target, text);
  if (source === undefined)
    return { type: 'volume', target: clean, readonly, copy: !words.includes('nocopy') };
  if (source.includes('/') || source.startsWith('.') || source.startsWith('~')) {
    return { type: 'bind', source: resolve(source), target: clean, readonly, createSource: true };
  }
  return { type: 'volume', name: source, target: clean, readonly, copy: !words.includes('nocopy') };
}

/** Labels of SELinux and of propagation mean nothing here beyond the default, and are accepted. */
const VOLUME_OPTIONS = [
  'ro',
  'rw',
  'z',
  'Z',
  'nocopy',
  'cached',
  'delegated',
  'consistent',
  'private',
  'rprivate',
];

/** `--mount type=bind|volume|tmpfs,source=…,target=…[,readonly]`. */
export function parseMountOption(text: string): MountRequest {
  const fields = parseOptionList(text);
  const type = fields.get('type') ?? 'volume';
  const allowed = [...COMMON_KEYS, ...(TYPE_KEYS[type] ?? [])];
  if (TYPE_KEYS[type] === undefined) {
    throw new UsageError(
      `invalid argument "${text}" for "--mount": mount type "${type}" is unknown: use bind, volume or tmpfs`,
    );
  }
  const unknown = [...fields.keys()].find((key) => !allowed.includes(key));
  if (unknown !== undefined)
    throw new UsageError(`invalid argument "${text}" for "--mount": unexpected key '${unknown}'`);
  const source = fields.get('source') ?? fields.get('src');
  const rawTarget = fields.get('target') ?? fields.get('dst') ?? fields.get('destination');
  if (rawTarget === undefined)
    throw new UsageError(`invalid argument "${text}" for "--mount": target is required`);
  const target = absoluteTarget(rawTarget, text);
  const readonly = parseBoolean(fields.get('readonly') ?? fields.get('ro') ?? 'false', '--mount readonly');
  if (type === 'tmpfs') return { type, target, options: tmpfsOptions(fields) };
  if (type === 'volume') {
    const copy = !parseBoolean(fields.get('volume-nocopy') ?? 'false', '--mount volume-nocopy');
    return { type, target, readonly, copy, ...(source && { name: source }) };
  }
  if (source === undefined)
    throw new UsageError(`invalid argument "${text}" for "--mount": field Source must not be empty`);
  if (!isAbsolute(source)) {
    throw new UsageError(
      `invalid argument "${text}" for "--mount": invalid mount path: '${source}' mount path must be absolute`,
    );
  }
  return { type: 'bind', source, target, readonly, createSource: false };
}

const COMMON_KEYS = ['type', 'target', 'dst', 'destination', 'readonly', 'ro'];
const TYPE_KEYS: Readonly<Record<string, readonly string[]>> = {
  bind: ['source', 'src', 'bind-propagation', 'consistency'],
  volume: ['source', 'src', 'volume-nocopy', 'volume-driver', 'volume-opt'],
  tmpfs: ['tmpfs-size', 'tmpfs-mode'],
};

function tmpfsOptions(fields: ReadonlyMap<string, string>): readonly string[] {
  const size = fields.get('tmpfs-size');
  const mode = fields.get('tmpfs-mode');
  return [
    ...(size === undefined ? [] : [`size=${parseBytes(size, '--mount tmpfs-size')}`]),
    ...(mode === undefined ? [] : [`mode=${mode}`]),
  ];
}

/** `--tmpfs TARGET[:OPTIONS]`. */
export function parseTmpfsOption(text: string): MountRequest {
  const split = text.indexOf(':');
  const target = split < 0 ? text : text.slice(0, split);
  const options = split < 0 ? [] : text.slice(split + 1).split(',');
  return { type: 'tmpfs', target: absoluteTarget(target, text), options };
}

function absoluteTarget(target: string, text: string): string {
  if (!target.startsWith('/')) {
    throw new UsageError(`invalid volume specification: '${text}': the mount path must be absolute`);
  }
  const clean = posix.normalize(target).replace(/(.)\/$/, '$1');
  if (clean === '/')
    throw new UsageError(`invalid volume specification: '${text}': destination can't be '/'`);
  return clean;
}
