import { existsSync } from 'node:fs';
import { bind, type ContainerMount, type PlannedMount } from './container-mounts.ts';
import { RuntimeError } from './errors.ts';
import { tmpfsOptions } from './tmpfs-options.ts';
import type { Volume } from './volumes.ts';

type PlannedVolume = Extract<PlannedMount, { type: 'volume' }>;

/** How a volume is mounted: its directory, a part of it, or what its options name instead. */
export function volumeMount(volume: Volume, mount: PlannedVolume): ContainerMount {
  const { target, readonly, subpath } = mount;
  const { name, options = {} } = volume;
  const common = { type: 'volume', name, anonymous: mount.anonymous, target, readonly } as const;
  if (options.type === 'tmpfs') {
    const given = tmpfsOptions(words(options.o), []);
    const all = readonly ? [...given, 'ro'] : given;
    return { spec: { destination: target, type: 'tmpfs', source: 'tmpfs', options: all }, state: common };
  }
  const source = options.device ?? volume.directory;
  if (options.device !== undefined && !existsSync(source)) {
    const message = `failed to mount local volume: mount ${source}: no such file or directory`;
    throw new RuntimeError('BAD_OPTION', name, message);
  }
  if (subpath === undefined) {
    const isReadonly = readonly || words(options.o).includes('ro');
    return {
      spec: bind(source, target, { readonly: isReadonly, recursive: true }),
      state: { ...common, source },
    };
  }
  // Who shares the volume may put symlinks there at any time: it is looked up by whoever mounts it.
  const root = { lower: [], upper: source };
  return {
    spec: undefined,
    tree: { destination: target, root, source: `/${subpath}`, readonly },
    state: { ...common, source, subpath },
  };
}

const words = (text = '') => text.split(',').filter((word) => word !== '');

/** What the options of a new volume mean. Throws `BAD_OPTION` for what would have to be mounted on the host. */
export function checkVolumeOptions(name: string, options: Readonly<Record<string, string>>): void {
  const refuse = (message: string) => new RuntimeError('BAD_OPTION', name, message);
  for (const key of Object.keys(options)) {
    if (!['type', 'device', 'o'].includes(key)) throw refuse(`create ${name}: invalid option: "${key}"`);
  }
  const { type, device, o } = options;
  if (type === 'tmpfs') {
    tmpfsOptions(words(o));
    return;
  }
  if (Object.keys(options).length === 0) return;
  if (device === undefined) throw refuse(`create ${name}: missing device in volume options`);
  const isBind = words(o).some((word) => word === 'bind' || word === 'rbind');
  if (!isBind || !['none', 'bind', undefined].includes(type)) {
    throw refuse(
      `create ${name}: a volume of type "${type ?? ''}" is not supported, since nothing is mounted on the host: mount it there and use type=none,o=bind,device=PATH, or type=tmpfs`,
    );
  }
  if (!device.startsWith('/')) throw refuse(`create ${name}: the device must be an absolute path: ${device}`);
}
