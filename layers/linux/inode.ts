/**
 * The inode calls that Node lacks or has only for whole paths: everything relative to a directory descriptor, with
 * names as bytes. All are synchronous, throw {@link SystemCallError}, and never follow a symlink in the last component.
 */

export * from './inode/attributes.ts';
export * from './inode/entries.ts';
export { AT_FDCWD, O, RESOLVE } from './inode/flags.ts';
export * from './inode/open.ts';
export * from './inode/read-directory.ts';
export * from './inode/stat.ts';
export * from './inode/transfer.ts';
export * from './inode/xattr.ts';
