import { isAbsolute, posix, resolve } from 'node:path';
import type { MountRequest } from '../../index.ts';
import { UsageError } from '../usage-error.ts';
import { parseBoolean, parseBytes, parseOptionList } from '../values.ts';

/** `-v [SOURCE:]TARGET[:OPTIONS]`. A source that is a path is a bind mount, else it is a volume's name. */
export function parseVolumeOption(text: string): MountRequest {
  const parts = text.split(':');
  if (parts.some((part) => part === ''))
    throw new UsageError(`invalid spec: ${text}: empty section between colons`);
  if (parts.length > 3)
    throw new UsageError(`invalid volume specification: '${text}': write [SOURCE:]TARGET[:ro]`);
  const [source, target, options = ''] =
    parts.length === 1 ? [undefined, parts[0]!] : (parts as [string, string, string?]);
  const words = options.split(',').filter((word) => word !== '');
  const unknown = words.find((word) => !VOLUME_OPTIONS.includes(word));
  if (unknown !== undefined) {
    throw new UsageError(`invalid mode: ${unknown} in '${text}': use ${VOLUME_OPTIONS.join(', ')}`);
  }
  const readonly = words.includes('ro');
  const clean = absoluteTarget(target, text);
  if (source !== undefined && /^(\/|\.\.?(\/|$))/.test(source))
    return { type: 'bind', source: resolve(source), target: clean, readonly, createSource: true };
  return {
    type: 'volume',
    ...(source !== undefined && { name: source }),
    target: clean,
    readonly,
    copy: !words.includes('nocopy'),
  };
}

/** Labels of SELinux and of consistency mean nothing here, and propagation is always private: accepted. */
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
  const fields = new MountFields(text);
  const type = fields.get('type') ?? 'volume';
  const rawTarget = fields.get('target', 'dst', 'destination');
  if (rawTarget === undefined) throw fields.error('target is required');
  const common = { target: absoluteTarget(rawTarget, text), readonly: fields.flag('readonly', 'ro') };
  const source = fields.get('source', 'src');
  const parse = { bind: bindMount, volume: volumeMount, tmpfs: tmpfsMount }[type];
  if (parse === undefined) throw fields.error(`mount type "${type}" is unknown: use bind, volume or tmpfs`);
  const mount = parse(fields, common, source);
  fields.refuseOthers();
  return mount;
}

type Common = { readonly target: string; readonly readonly: boolean };

function bindMount(fields: MountFields, common: Common, source: string | undefined): MountRequest {
  if (!source) throw fields.error('field Source must not be empty');
  if (!isAbsolute(source)) {
    throw fields.error(`invalid mount path: '${source}' mount path must be absolute`);
  }
  const propagation = fields.get('bind-propagation') ?? 'rprivate';
  if (propagation !== 'private' && propagation !== 'rprivate')
    throw fields.error(
      `bind-propagation ${propagation} is not supported: mounts are private to the container`,
    );
  const recursive = !fields.flag('bind-nonrecursive') && fields.get('bind-recursive') !== 'disabled';
  fields.get('consistency');
  return { type: 'bind', source: resolve(source), ...common, createSource: false, recursive };
}

function volumeMount(fields: MountFields, common: Common, name: string | undefined): MountRequest {
  const driver = fields.get('volume-driver') ?? 'local';
  if (driver !== 'local') throw fields.error(`there is no volume driver "${driver}": use local`);
  fields.get('consistency');
  return { type: 'volume', ...(name && { name }), ...common, copy: !fields.flag('volume-nocopy') };
}

function tmpfsMount(fields: MountFields, common: Common, source: string | undefined): MountRequest {
  if (source !== undefined) throw fields.error('field Source must not be specified for a tmpfs');
  const size = fields.get('tmpfs-size');
  const mode = fields.get('tmpfs-mode');
  fields.get('consistency');
  return {
    type: 'tmpfs',
    target: common.target,
    options: [
      ...(common.readonly ? ['ro'] : []),
      ...(size === undefined ? [] : [`size=${parseBytes(size, '--mount tmpfs-size')}`]),
      ...(mode === undefined ? [] : [`mode=${mode}`]),
    ],
  };
}

/** The `key=value` fields of one `--mount`, of which each has to be asked for. */
class MountFields {
  readonly #fields: ReadonlyMap<string, string>;
  readonly #known = new Set<string>();

  constructor(readonly text: string) {
    this.#fields = parseOptionList(text);
  }

  get(...names: readonly string[]): string | undefined {
    for (const name of names) this.#known.add(name);
    return names.map((name) => this.#fields.get(name)).find((value) => value !== undefined);
  }

  flag(...names: readonly string[]): boolean {
    return parseBoolean(this.get(...names) ?? 'false', `--mount ${names[0]}`);
  }

  refuseOthers(): void {
    const unknown = [...this.#fields].find(([key]) => !this.#known.has(key));
    if (unknown !== undefined) throw this.error(`unexpected key '${unknown[0]}' in '${unknown.join('=')}'`);
  }

  error(reason: string): UsageError {
    return new UsageError(`invalid argument "${this.text}" for "--mount": ${reason}`);
  }
}

/** `--tmpfs TARGET[:OPTIONS]`. */
export function parseTmpfsOption(text: string): MountRequest {
  const split = text.indexOf(':');
  const target = split < 0 ? text : text.slice(0, split);
  const options =
    split < 0
      ? []
      : text
          .slice(split + 1)
          .split(',')
          .filter((option) => option !== '');
  return { type: 'tmpfs', target: absoluteTarget(target, text), options };
}

function absoluteTarget(target: string, text: string): string {
  if (!target.startsWith('/')) {
    throw new UsageError(`'${text}': invalid mount path: '${target}' mount path must be absolute`);
  }
  const clean = posix.resolve('/', target);
  if (clean === '/') throw new UsageError(`'${text}': invalid specification: destination can't be '/'`);
  return clean;
}
