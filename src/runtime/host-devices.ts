import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Device, DeviceNumber } from '../sandbox/spec.ts';
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

/** A node that the container has, and what it may do with it: any of `rwm`. */
export interface GrantedDevice extends Device {
  readonly access: string;
}

/** Numbers of a block device of the host, for limits. Throws `BAD_OPTION`. */
export function blockDevice(path: string): DeviceNumber {
  const found = statOf(path);
  if (found?.isBlockDevice()) return deviceNumber(found.rdev);
  const reason = found === undefined ? 'no such file or directory' : 'it is not a block device';
  throw new RuntimeError('BAD_OPTION', path, `Cannot limit device "${path}": ${reason}`);
}

/** Every device node of the host, for a privileged container. */
export function allHostDevices(): readonly GrantedDevice[] {
  return devicesBelow('/dev', '/dev', 'rwm');
}

/** `--device`: a node, or those of a directory. Throws `BAD_OPTION` when the host has no such device. */
export function requestedDevices(requests: readonly DeviceRequest[]): readonly GrantedDevice[] {
  return requests.flatMap(({ source, target, access = 'rwm' }) => {
    const found = statOf(source);
    if (found?.isDirectory()) return devicesBelow(source, target, access);
    const device = found && deviceAt(found, target);
    if (device !== undefined) return [{ ...device, access }];
    throw new RuntimeError(
      'BAD_OPTION',
      source,
      `error gathering device information while adding custom device "${source}": ${found === undefined ? 'no such file or directory' : 'not a device node'}`,
    );
  });
}

function devicesBelow(directory: string, target: string, access: string): readonly GrantedDevice[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (OWN.has(path)) return [];
    const seen = posix.join(target, name);
    // A link is another name of something that is here itself, or leads elsewhere.
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) return devicesBelow(path, seen, access);
    const device = found && deviceAt(found, seen);
    return device === undefined ? [] : [{ ...device, access }];
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
function deviceNumber(rdev: number): DeviceNumber {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
