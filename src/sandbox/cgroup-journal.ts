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

/**
 * The groups of processes that have ended; while they are looked after here, nobody else finds them. A group that has
 * been made again meanwhile, for the same container, belongs to who has made it.
 */
export function abandonedGroups(journal = journalDirectory()): readonly JournalEntry[] {
  const abandoned: JournalEntry[] = [];
  const living: string[] = [];
  for (const name of namesIn(journal)) {
    const path = join(journal, name);
    const fd = openIfThere(path);
    if (fd === undefined) continue;
    // A note whose group ended after it was opened here can be locked, but is no more.
    if (!tryLockFile(fd, 'exclusive')) living.push(path);
    else if (fstatSync(fd).nlink > 0) {
      abandoned.push(entry(path, fd, directoriesIn(readFileSync(fd, 'utf8'))));
      continue;
    }
    closeSync(fd);
  }
  if (abandoned.length === 0) return abandoned;
  const owned = new Set(living.flatMap((path) => directoriesIn(textOf(path))));
  return abandoned.map((each) => ({
    ...each,
    directories: each.directories.filter((directory) => !owned.has(directory)),
  }));
}

const directoriesIn = (note: string) => note.split('\n').filter(Boolean);

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // Its group has ended.
  }
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
