import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Device } from '../sandbox/spec.ts';
import type { DeviceRequest } from './container-options.ts';
import { RuntimeError } from './errors.ts';

/** Below /dev, but a container's own in any case. */
const OWN = new Set([
  '/dev/pts',
  '/dev/shm',
  '/dev/fd',
  '/dev/mqueue',
  '/dev/console',
  '/dev/ptmx',
  '/dev/.udev',
]);

/** Every device node of the host, for a privileged container. */
export function allHostDevices(): readonly Device[] {
  return devicesBelow('/dev', '/dev');
}

/** `--device`: a node, or those of a directory. Throws `BAD_OPTION` when the host has no such device. */
export function requestedDevices(requests: readonly DeviceRequest[]): readonly Device[] {
  return requests.flatMap(({ source, target }) => {
    const found = statOf(source);
    if (found?.isDirectory()) return devicesBelow(source, target);
    const device = found && deviceAt(found, target);
    if (device !== undefined) return [device];
    throw new RuntimeError(
      'BAD_OPTION',
      source,
      `error gathering device information while adding custom device "${source}": ${found === undefined ? 'no such file or directory' : 'not a device node'}`,
    );
  });
}

function devicesBelow(directory: string, target: string): readonly Device[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (OWN.has(path)) return [];
    const seen = posix.join(target, name);
    // A link is another name of something that is here itself, or leads elsewhere.
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) return devicesBelow(path, seen);
    return (found && deviceAt(found, seen)) ?? [];
  });
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function deviceAt(stat: Stats, path: string): Device | undefined {
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return undefined;
  return {
    path,
    type: stat.isBlockDevice() ? 'b' : 'c',
    ...deviceNumber(stat.rdev),
    fileMode: stat.mode & 0o777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

/** makedev(3): 12 bits of major from 8, 20 bits of minor around them. */
function deviceNumber(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
