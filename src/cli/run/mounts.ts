import { isAbsolute, posix, resolve } from 'node:path';
import type { MountRequest, VolumesFrom } from '../../index.ts';
import { UsageError } from '../usage-error.ts';
import { parseBoolean, parseBytes, parseCsv, parseKeyValue, parseOptionList } from '../values.ts';
import { warn } from '../warn.ts';

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
  tellOfPropagation(words);
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

/** Mounts of a container are its own: those made later, on either side, are not seen on the other. */
const PROPAGATIONS = ['shared', 'rshared', 'slave', 'rslave'];

function tellOfPropagation(words: readonly string[]): void {
  const found = words.find((word) => PROPAGATIONS.includes(word));
  if (found !== undefined)
    warn(`Mount propagation "${found}" has no effect: what is mounted later is not seen in the container`);
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
  ...PROPAGATIONS,
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
  if (!['private', 'rprivate', ...PROPAGATIONS].includes(propagation))
    throw fields.error(`invalid propagation mode "${propagation}"`);
  tellOfPropagation([propagation]);
  const recursive = bindRecursive(fields, common);
  fields.get('consistency');
  return { type: 'bind', source: resolve(source), ...common, createSource: false, recursive };
}

/** What is read-only is so with all below it, so `readonly` is what there is anyway. */
function bindRecursive(fields: MountFields, { readonly }: Common): boolean {
  const mode = fields.get('bind-recursive') ?? 'enabled';
  if (!['enabled', 'disabled', 'writable', 'readonly'].includes(mode))
    throw fields.error(`invalid bind-recursive mode "${mode}": use enabled, disabled, writable or readonly`);
  if (mode === 'readonly' && !readonly)
    throw fields.error('option bind-recursive=readonly requires readonly to be specified');
  if (mode === 'writable' && readonly)
    warn('bind-recursive=writable has no effect: what is mounted below a read-only mount is read-only too');
  return mode !== 'disabled' && !fields.flag('bind-nonrecursive');
}

function volumeMount(fields: MountFields, common: Common, name: string | undefined): MountRequest {
  const driver = fields.get('volume-driver') ?? 'local';
  if (driver !== 'local') throw fields.error(`there is no volume driver "${driver}": use local`);
  fields.get('consistency');
  const subpath = fields.get('volume-subpath');
  if (subpath?.startsWith('/')) throw fields.error(`volume-subpath must be relative: ${subpath}`);
  if (subpath?.split('/').includes('..'))
    throw fields.error(`volume-subpath must not lead out of the volume: ${subpath}`);
  const labels = fields.map('volume-label');
  const driverOptions = fields.map('volume-opt');
  return {
    type: 'volume',
    ...(name && { name }),
    ...common,
    copy: !fields.flag('volume-nocopy'),
    ...(subpath && { subpath }),
    ...(labels && { labels }),
    ...(driverOptions && { driverOptions }),
  };
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

  /** A field that may be given several times, each a `key=value` of its own. */
  map(name: string): Readonly<Record<string, string>> | undefined {
    this.#known.add(name);
    const given = parseCsv(this.text).filter((field) => field.toLowerCase().startsWith(`${name}=`));
    if (given.length === 0) return undefined;
    return Object.fromEntries(given.map((field) => parseKeyValue(field.slice(name.length + 1))));
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

/** `--volumes-from CONTAINER[:ro|rw]`. */
export function parseVolumesFrom(text: string): VolumesFrom {
  const [container = '', ...modes] = text.split(':');
  const words = modes.flatMap((mode) => mode.split(','));
  const unknown = words.find((word) => !['ro', 'rw', 'z', 'Z', 'nocopy'].includes(word));
  if (container === '' || modes.length > 1 || unknown !== undefined)
    throw new UsageError(`invalid argument "${text}" for "--volumes-from": write CONTAINER[:ro]`);
  return { container, readonly: words.includes('ro') };
}
