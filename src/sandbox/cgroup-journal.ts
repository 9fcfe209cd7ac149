import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { randomBytes, tryLockFile } from '../../layers/index.ts';

/**
 * Which control groups were made, so that those of a process that was killed can be taken back. One file a group,
 * locked by the process that has made it as long as that lives, with the group's directories as lines. Control groups
 * belong to the machine, not to a store, and so does this: both are gone when the machine is restarted.
 */
export interface JournalEntry {
  /** The group's directories. */
  readonly directories: readonly string[];
  /** Once they are gone. Idempotent. */
  forget(): void;
  /** Leaves it to the next who looks. */
  keep(): void;
}

/** Notes that a group is about to be made. Where nothing can be noted, the group is on its own. */
export function noteGroup(directories: readonly string[], journal = journalDirectory()): JournalEntry {
  try {
    mkdirSync(journal, { recursive: true, mode: 0o700 });
    for (;;) {
      const path = join(journal, randomBytes(8).toString('hex'));
      const fd = openSync(path, 'wx', 0o600);
      // Between these calls another process may have taken it for an abandoned one and removed it.
      if (tryLockFile(fd, 'exclusive') && fstatSync(fd).nlink > 0) {
        writeSync(fd, directories.join('\n'));
        return entry(path, fd, directories);
      }
      closeSync(fd);
    }
  } catch {
    return { directories, forget() {}, keep() {} };
  }
}

/** The groups of processes that have ended; while they are looked after here, nobody else finds them. */
export function abandonedGroups(journal = journalDirectory()): readonly JournalEntry[] {
  return namesIn(journal).flatMap((name) => {
    const path = join(journal, name);
    const fd = openIfThere(path);
    if (fd === undefined) return [];
    // A note whose group ended after it was opened here can be locked, but is no more.
    if (tryLockFile(fd, 'exclusive') && fstatSync(fd).nlink > 0)
      return entry(path, fd, readFileSync(fd, 'utf8').split('\n').filter(Boolean));
    closeSync(fd);
    return [];
  });
}

function entry(path: string, fd: number, directories: readonly string[]): JournalEntry {
  let open = true;
  const close = () => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    directories,
    forget() {
      if (open) unlinkIfThere(path);
      close();
    },
    keep: close,
  };
}

function journalDirectory(): string {
  const runtime = process.geteuid?.() === 0 ? '/run' : (process.env.XDG_RUNTIME_DIR ?? '/nonexistent');
  return join(runtime, 'tsbuild/cgroups');
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}
