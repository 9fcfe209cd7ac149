import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { StoreError } from '../errors.ts';
import type { Layout } from '../layout.ts';
import { cannotWrite } from '../linux/cannot-write.ts';
import { isStillAt, lockFile, tryLockFile, unlockFile, waitForLock } from '../linux/flock.ts';
import { randomBytes } from '../linux/random.ts';

/** What a process has in use, so that no garbage collection takes it away. Ends with the process. */
export interface Lease {
  /** Names the private files of this process: `active/<id>.<n>`, `ingest/<id>.<n>`, `trash/<id>.<n>`. */
  readonly id: string;
  /**
   * Runs exists() while no gc can be sweeping, and if it answers true records that the item is in use by this
   * process. `exists` may also bring the item about (rename it into place). May be nested.
   */
  hold(kind: 'blob' | 'layer', digest: string, exists: () => boolean): boolean;
  close(): void;
}

/**
 * The lease as the store's own parts use it: a file that is locked as long as the process lives. It is made at first
 * need, so that a command which finds nothing pays nothing.
 */
export class FileLease implements Lease {
  readonly #layout: Layout;
  readonly #held = new Set<string>();
  readonly #unnoted: string[] = [];
  #file: { readonly id: string; readonly fd: number } | undefined;
  #storeLock: number | undefined;
  #depth = 0;
  #names = 0;
  #closed = false;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  get id(): string {
    return this.#open().id;
  }

  hold(kind: 'blob' | 'layer', digest: string, exists: () => boolean): boolean {
    this.#assertOpen();
    const line = `${kind} ${digest}\n`;
    // What is held already cannot be swept: no lock is needed.
    if (this.#held.has(line)) return exists();
    return this.shared(() => {
      if (!exists()) return false;
      this.#note(line);
      return true;
    });
  }

  /** Lines that could not be written: a collection of this process has to know them. */
  get unnoted(): readonly string[] {
    return this.#unnoted;
  }

  /** Runs `body` while no collection is marking or sweeping. Whatever adds or removes a root does it in here. */
  shared<T>(body: () => T): T {
    const fd = this.#openStoreLock();
    if (this.#depth === 0) lockFile(fd, 'shared');
    return this.#locked(fd, body);
  }

  /** Runs `body` while nobody finds, adds or removes anything. Synchronous, since everybody else stands still. */
  async exclusive<T>(body: () => T): Promise<T> {
    const fd = this.#openStoreLock();
    await waitForLock(fd, 'exclusive');
    return this.#locked(fd, body);
  }

  /** A path for a new private file, reclaimed with this process. */
  ingestPath(): string {
    return `${this.#layout.ingest}/${this.id}.${this.#names++}`;
  }

  /** A path in the trash that nobody else uses. */
  trashPath(): string {
    return `${this.#layout.trash}/${this.id}.gc${this.#names++}`;
  }

  /** Its id, if one was needed so far. */
  get usedId(): string | undefined {
    return this.#file?.id;
  }

  /** Unlocks the lease file, which makes it as good as a dead process's; what it names is reclaimed as theirs is. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#file !== undefined) closeSync(this.#file.fd);
    if (this.#storeLock !== undefined) closeSync(this.#storeLock);
  }

  /**
   * Where nothing can be written, which must not keep anybody from reading, or from making room: no collection may run
   * as long as this process lives.
   */
  #note(line: string): void {
    this.#held.add(line);
    try {
      writeSync(this.#open().fd, line);
    } catch (error) {
      if (!cannotWrite(error)) throw error;
      this.#unnoted.push(line);
    }
  }

  #locked<T>(fd: number, body: () => T): T {
    this.#depth++;
    try {
      return body();
    } finally {
      if (--this.#depth === 0) {
        if (this.#unnoted.length > 0) lockFile(fd, 'shared');
        else unlockFile(fd);
      }
    }
  }

  #openStoreLock(): number {
    this.#assertOpen();
    this.#storeLock ??= openStoreLock(this.#layout.lock);
    return this.#storeLock;
  }

  #assertOpen(): void {
    if (this.#closed)
      throw new StoreError('SYSTEM', this.#layout.root, `Store "${this.#layout.root}" is closed`);
  }

  #open(): { readonly id: string; readonly fd: number } {
    this.#assertOpen();
    this.#file ??= makeLeaseFile(this.#layout);
    return this.#file;
  }
}

function openStoreLock(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (error) {
    if (!cannotWrite(error)) throw error;
    // flock(2) does not ask for the right to write.
    return openSync(path, constants.O_RDONLY);
  }
}

function makeLeaseFile(layout: Layout): { readonly id: string; readonly fd: number } {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND;
  for (;;) {
    const id = randomBytes(8).toString('hex');
    const path = `${layout.leases}/${id}`;
    const fd = openSync(path, flags, 0o600);
    // Between these two calls another process may have taken it for a dead one's and removed it.
    if (tryLockFile(fd, 'exclusive') && isStillAt(fd, path)) return { id, fd };
    closeSync(fd);
  }
}
