import { constants } from 'node:os';
import type { BytePath } from '../../snapshots/file-tree.ts';
import { SystemCallError } from '../errno.ts';
import { c } from './c-string.ts';
import { calls } from './calls.ts';
import { check } from './outcome.ts';

const { ENODATA, EOPNOTSUPP, ERANGE } = constants.errno;

const xattrList = Buffer.allocUnsafeSlow(64 * 1024);
const xattrValue = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Path that names an entry for the xattr calls, which have no *at form: the directory by descriptor, so only the
 * last component is looked up (and, being `l…xattr`, not followed).
 */
function xattrPath(directory: number, name: BytePath): Buffer {
  return c(name === '' ? `/proc/self/fd/${directory}/.` : `/proc/self/fd/${directory}/${name}`);
}

/** Names of the extended attributes of an entry; of the directory itself when the name is empty. */
export function listXattrs(directory: number, name: BytePath): string[] {
  return splitXattrList(calls().llistxattr(xattrPath(directory, name), xattrList, xattrList.length), name);
}

/** {@link listXattrs} of an open file or directory (not O_PATH). */
export function listXattrsFd(fd: number): string[] {
  return splitXattrList(calls().flistxattr(fd, xattrList, xattrList.length));
}

function splitXattrList(length: number, name?: BytePath): string[] {
  if (length < 0) {
    if (calls().errno() === EOPNOTSUPP) return [];
    throw new SystemCallError('listxattr', calls().errno(), name);
  }
  return length === 0 ? [] : xattrList.toString('latin1', 0, length - 1).split('\0');
}

/** Undefined when there is no such attribute. */
export function getXattr(directory: number, name: BytePath, attribute: string): Buffer | undefined {
  return copyXattrValue(
    calls().lgetxattr(xattrPath(directory, name), c(attribute), xattrValue, xattrValue.length),
    name,
  );
}

/** {@link getXattr} of an open file or directory (not O_PATH). */
export function getXattrFd(fd: number, attribute: string): Buffer | undefined {
  return copyXattrValue(calls().fgetxattr(fd, c(attribute), xattrValue, xattrValue.length));
}

function copyXattrValue(length: number, name?: BytePath): Buffer | undefined {
  if (length < 0) {
    const errno = calls().errno();
    if (errno === ENODATA || errno === EOPNOTSUPP || errno === ERANGE) return undefined;
    throw new SystemCallError('getxattr', errno, name);
  }
  return Buffer.from(xattrValue.subarray(0, length));
}

export function setXattr(directory: number, name: BytePath, attribute: string, value: Uint8Array): void {
  check(
    calls().lsetxattr(xattrPath(directory, name), c(attribute), value, value.length, 0),
    `lsetxattr ${attribute}`,
    name,
  );
}

/** {@link setXattr} of an open file or directory (not O_PATH). */
export function setXattrFd(fd: number, attribute: string, value: Uint8Array): void {
  check(calls().fsetxattr(fd, c(attribute), value, value.length, 0), `fsetxattr ${attribute}`);
}

/** The error's number instead of an error, where that is the answer that is looked for; 0 when it was there. */
export function tryRemoveXattr(directory: number, name: BytePath, attribute: string): number {
  return calls().lremovexattr(xattrPath(directory, name), c(attribute)) < 0 ? calls().errno() : 0;
}

export function removeXattr(directory: number, name: BytePath, attribute: string): void {
  check(calls().lremovexattr(xattrPath(directory, name), c(attribute)), `lremovexattr ${attribute}`, name);
}
