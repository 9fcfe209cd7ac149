import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
} from '../linux/constants.ts';
import type { FsParameter } from './plan.ts';
import { SandboxError } from './sandbox.ts';

export interface MountOptions {
  /** `MOUNT_ATTR_*`. */
  readonly set: number;
  readonly clear: number;
  readonly bind: 'no' | 'bind' | 'rbind';
  readonly recursiveAttributes: boolean;
  /** What is not about the mount but about its file system. */
  readonly parameters: readonly FsParameter[];
}

/** runtime-spec config.md, "Linux mount options": what each sets, and what it clears. */
const attributes: Readonly<Record<string, { readonly set?: number; readonly clear?: number }>> = {
  ro: { set: MOUNT_ATTR_RDONLY },
  rw: { clear: MOUNT_ATTR_RDONLY },
  nosuid: { set: MOUNT_ATTR_NOSUID },
  suid: { clear: MOUNT_ATTR_NOSUID },
  nodev: { set: MOUNT_ATTR_NODEV },
  dev: { clear: MOUNT_ATTR_NODEV },
  noexec: { set: MOUNT_ATTR_NOEXEC },
  exec: { clear: MOUNT_ATTR_NOEXEC },
  nodiratime: { set: MOUNT_ATTR_NODIRATIME },
  diratime: { clear: MOUNT_ATTR_NODIRATIME },
  nosymfollow: { set: MOUNT_ATTR_NOSYMFOLLOW },
  symfollow: { clear: MOUNT_ATTR_NOSYMFOLLOW },
  // The access time modes are one field, of which relatime is the value 0.
  relatime: { clear: MOUNT_ATTR__ATIME },
  noatime: { set: MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR__ATIME },
  strictatime: { set: MOUNT_ATTR_STRICTATIME, clear: MOUNT_ATTR__ATIME },
};

/** Nothing of ours propagates, so these say what is so anyway. */
const withoutEffect = new Set(['defaults', 'private', 'rprivate', 'async', 'norelatime', 'atime']);
const propagation = /^r?(shared|slave|unbindable)$/;

const attributeOf = (option: string) => (Object.hasOwn(attributes, option) ? attributes[option] : undefined);

export function parseMountOptions(options: readonly string[], destination: string): MountOptions {
  let set = 0;
  let clear = 0;
  let bind: MountOptions['bind'] = 'no';
  let recursiveAttributes = false;
  const parameters: FsParameter[] = [];
  for (const option of options) {
    const own = attributeOf(option);
    const change = own ?? (option.startsWith('r') ? attributeOf(option.slice(1)) : undefined);
    if (change !== undefined) {
      set = (set & ~(change.clear ?? 0)) | (change.set ?? 0);
      clear = (clear & ~(change.set ?? 0)) | (change.clear ?? 0);
      recursiveAttributes ||= own === undefined;
    } else if (option === 'bind' || option === 'rbind') bind = option;
    else if (propagation.test(option)) refusePropagation(option, destination);
    else if (!withoutEffect.has(option)) parameters.push(parameter(option));
  }
  return { set, clear, bind, recursiveAttributes, parameters };
}

function parameter(option: string): FsParameter {
  const equals = option.indexOf('=');
  return equals === -1 ? [option] : [option.slice(0, equals), option.slice(equals + 1)];
}

function refusePropagation(option: string, destination: string): never {
  throw new SandboxError(
    'REFUSED',
    destination,
    `Cannot mount at "${destination}" with "${option}": mounts of a container are always private to it`,
  );
}
