import { AT_EMPTY_PATH, AT_RECURSIVE, O_CLOEXEC } from './constants.ts';
import { SyscallError } from './errno.ts';
import type { Invoke } from './invoke.ts';
import type { MountCalls } from './syscalls.ts';

const MOVE_MOUNT_F_EMPTY_PATH = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;

export function mountCalls(invoke: Invoke): MountCalls {
  return {
    mount: (source, target, type, flags, data) => {
      invoke('mount', source, target, type, flags, data);
    },
    umount2: (target, flags) => {
      invoke('umount2', target, flags);
    },
    pivotRoot: (newRoot, putOld) => {
      invoke('pivot_root', newRoot, putOld);
    },
    openTree: (directory, path, flags) => invoke('open_tree', directory, path, flags | O_CLOEXEC),
    moveMount: (mount, target) => {
      invoke('move_mount', mount, '', target, '', MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    },
    mountSetattr: (mount, { set, clear, propagation = 0 }, recursive) => {
      const attributes = Buffer.alloc(32);
      attributes.writeBigUInt64LE(BigInt(set), 0);
      attributes.writeBigUInt64LE(BigInt(clear), 8);
      attributes.writeBigUInt64LE(BigInt(propagation), 16);
      invoke('mount_setattr', mount, '', AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attributes, 32);
    },
    fsopen: (type) => invoke('fsopen', type, FSOPEN_CLOEXEC),
    fsconfig: (context, key, value) => {
      const command = value === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
      invoke('fsconfig', context, command, key, value ?? null, 0);
    },
    fsmount: (context, attributes) => {
      invoke('fsconfig', context, FSCONFIG_CMD_CREATE, null, null, 0);
      return invoke('fsmount', context, FSMOUNT_CLOEXEC, attributes);
    },
    fsMessages: (context) => readMessages(invoke, context),
  };
}

/** The context's log: one message for each read, ENODATA at its end. Each starts with its level (`e `, `w `, `i `). */
function readMessages(invoke: Invoke, context: number): string {
  const messages: string[] = [];
  const line = Buffer.alloc(512);
  try {
    for (;;) messages.push(line.toString('utf8', 2, invoke('read', context, line, line.length)).trim());
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
  return messages.join('; ');
}
