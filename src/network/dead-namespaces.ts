import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tryLockFile } from '../../layers/index.ts';

const NOTES = /^network-(\d+)$/;

/**
 * Deletes what is kept of bridges (`network-<inode>`) in network namespaces that are gone: nothing else tells of their
 * end. A namespace lives as long as a process is in it, or it is mounted, as `ip netns` does.
 */
export function removeNotesOfDeadNamespaces(directory: string, own: string): void {
  if (!seesAllProcesses()) return;
  const others = readdirSync(directory).filter((name) => NOTES.test(name) && name !== own);
  if (others.length === 0) return;
  const locked = others.map((name) => ({ name, fd: lockNotes(join(directory, name)) }));
  // Once they are locked: who comes later finds them gone, and makes them anew.
  const living = livingNamespaces();
  for (const { name, fd } of locked) {
    if (fd === undefined) continue;
    const [, inode = ''] = NOTES.exec(name)!;
    if (!living.has(inode)) rmSync(join(directory, name), { recursive: true, force: true });
    closeSync(fd);
  }
}

/** Inode of the PID namespace that all others are in: PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h. */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]';

/** What has `/run` in common with others, but not their processes, cannot tell which of their namespaces are alive. */
function seesAllProcesses(): boolean {
  return ifReadable(() => readlinkSync('/proc/self/ns/pid')) === FIRST_PID_NAMESPACE;
}

/** Undefined where somebody is at work, or has just removed them. */
function lockNotes(directory: string): number | undefined {
  const fd = ifReadable(() => openSync(join(directory, 'lock'), 'a', 0o600));
  if (fd === undefined || tryLockFile(fd, 'exclusive')) return fd;
  closeSync(fd);
  return undefined;
}

/** Inodes of network namespaces, as far as they can be seen from here. */
function livingNamespaces(): ReadonlySet<string> {
  const texts = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ifReadable(() => readlinkSync(`/proc/${pid}/ns/net`)) ?? '');
  // In the fourth field of a line, of a mount of nsfs.
  texts.push(...readFileSync('/proc/self/mountinfo', 'latin1').split('\n'));
  return new Set(texts.flatMap((text) => /\bnet:\[(\d+)\]/.exec(text)?.[1] ?? []));
}

/** Undefined for what is gone meanwhile. */
function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
