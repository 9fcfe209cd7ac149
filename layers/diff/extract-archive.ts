import type { Readable } from 'node:stream';
import { StoreError } from '../errors.ts';
import type { BytePath } from '../snapshots/file-tree.ts';
import { isFileXattr } from '../snapshots/overlay-marks.ts';
import type { Attributes, TreeWriter } from '../snapshots/tree-writer.ts';
import { invalidArchive } from './archive-error.ts';
import type { ArchiveLimits } from './archive-limits.ts';
import { plainTar } from './compression.ts';
import { cleanEntryPath } from './entry-path.ts';
import { FileSpool } from './file-spool.ts';
import type { TarEntry } from './tar-entry.ts';
import { TarReader } from './tar-reader.ts';
import { hasWhiteout, splitPath } from './whiteout.ts';

export interface ExtractOptions {
  /** Owner of every entry, in place of the archive's. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Mode of every entry but symlinks, in place of the archive's. */
  readonly mode?: number;
  readonly limits?: Partial<ArchiveLimits>;
  /** Where files that are too big for memory are held on the way; default the system's temporary directory. */
  readonly temporary?: string;
}

const IMPLIED_DIRECTORY: Attributes = { mode: 0o755, uid: 0, gid: 0 };

/**
 * Unpacks a tar, plain or compressed, below `destination` (which exists) of a snapshot, as ADD does: entries replace what is there,
 * but a directory keeps its content; symlinks of the snapshot in the parents of an entry are followed inside it,
 * the last component is not; missing parents are made, mode 0755 and owner 0. An entry for the destination itself
 * is passed over. The caller calls `finish` of the writer.
 *
 * Throws `INVALID_ARCHIVE`, `LIMIT_EXCEEDED`, and `PATH_ESCAPES_ROOT` for an entry that leads above the destination.
 * An entry whose name begins with `.wh.` is refused: as part of a layer it would delete what it names.
 */
export async function extractArchive(
  stream: Readable,
  writer: TreeWriter,
  destination: BytePath,
  options: ExtractOptions = {},
): Promise<void> {
  const reader = new TarReader({ limits: options.limits ?? {}, trailer: 'any' });
  const extractor = new ArchiveExtractor(writer, destination, options);
  try {
    for await (const chunk of plainTar(stream) as AsyncIterable<Buffer>) {
      reader.feed(chunk);
      for (let step = reader.next(); step !== undefined; step = reader.next()) {
        if (step === 'entry') extractor.begin(reader.entry);
        else if (step === 'data') extractor.spool.write(reader.data);
        else extractor.end();
      }
    }
    reader.end();
  } finally {
    extractor.spool.release();
  }
}

class ArchiveExtractor {
  readonly spool: FileSpool;
  readonly #writer: TreeWriter;
  readonly #destination: BytePath;
  readonly #options: ExtractOptions;
  /** The parent resolved last. */
  #parent: { readonly path: BytePath; readonly resolved: BytePath } | undefined;
  #file: { readonly path: BytePath; readonly entry: TarEntry } | undefined;

  constructor(writer: TreeWriter, destination: BytePath, options: ExtractOptions) {
    this.spool = new FileSpool(options.temporary);
    this.#writer = writer;
    this.#destination = destination === '/' ? '' : destination;
    this.#options = options;
  }

  begin(entry: TarEntry): void {
    const path = cleanEntryPath(entry.path);
    if (hasWhiteout(path))
      throw invalidArchive(
        entry.path,
        'Cannot unpack the archive: a name that begins with .wh. means a deletion in a layer',
      );
    if (path === '') {
      if (entry.type !== 'directory')
        throw invalidArchive(entry.path, `Cannot unpack the archive: its root is a ${entry.type}`);
      return;
    }
    this.#create(entry, this.#locate(path));
  }

  end(): void {
    if (this.#file === undefined) return;
    const { path, entry } = this.#file;
    this.#file = undefined;
    const content = this.spool.take();
    const write = () => this.#writer.file(path, content, this.#attributes(entry));
    try {
      write();
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'IS_A_DIRECTORY')) throw error;
      this.#remove(path);
      write();
    } finally {
      this.spool.release();
    }
  }

  /** Where an entry goes: its parent with symlinks followed and made if missing, and its own name. */
  #locate(path: BytePath): BytePath {
    const [parent, name] = splitPath(path);
    if (this.#parent?.path !== parent) {
      const resolved = this.#writer.resolve(`${this.#destination}/${parent}`);
      if (resolved !== '/') this.#writer.mkdirAll(resolved, IMPLIED_DIRECTORY);
      this.#parent = { path: parent, resolved: resolved === '/' ? '' : resolved };
    }
    return `${this.#parent.resolved}/${name}`;
  }

  #create(entry: TarEntry, target: BytePath): void {
    const attributes = this.#attributes(entry);
    if (entry.type === 'file') {
      this.#file = { path: target, entry };
      this.spool.start(entry.size);
      return;
    }
    const found = this.#writer.tree.lookup(target);
    if (entry.type === 'directory') {
      if (found !== undefined && found.stat.type !== 'directory') this.#remove(target);
      this.#writer.mkdir(target, attributes);
      return;
    }
    if (entry.type === 'link') {
      this.#link(entry, target);
      return;
    }
    if (found !== undefined) this.#remove(target);
    if (entry.type === 'symlink') this.#writer.symlink(target, entry.linkpath, attributes);
    else
      this.#writer.mknod(
        target,
        { type: entry.type, major: entry.devMajor, minor: entry.devMinor },
        attributes,
      );
  }

  /** The target's own name is relative to the destination, as the entry's is; the last component is not followed. */
  #link(entry: TarEntry, target: BytePath): void {
    const [parent, name] = splitPath(cleanEntryPath(entry.linkpath));
    const resolved = this.#writer.resolve(`${this.#destination}/${parent}`);
    const existing = `${resolved === '/' ? '' : resolved}/${name}`;
    const found = name === '' ? undefined : this.#writer.tree.lookup(existing);
    if (found === undefined || found.stat.type === 'directory')
      throw invalidArchive(
        entry.path,
        'Cannot unpack the archive: target of a hard link is no file that is there',
      );
    if (existing === target) return;
    if (this.#writer.tree.lookup(target) !== undefined) this.#remove(target);
    this.#writer.link(target, existing);
  }

  #remove(path: BytePath): void {
    this.#parent = undefined;
    this.#writer.remove(path);
  }

  #attributes({ uid, gid, mode, type, mtimeNs, xattrs }: TarEntry): Attributes {
    const { owner, mode: given } = this.#options;
    return {
      uid: owner?.uid ?? uid,
      gid: owner?.gid ?? gid,
      mode: type === 'symlink' ? mode : (given ?? mode),
      mtimeNs,
      xattrs: xattrs.filter(([name]) => isFileXattr(name)),
    };
  }
}
