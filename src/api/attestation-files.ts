import { closeSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash, displayPath, type FileNode, type FileTree } from '../../layers/index.ts';
import type { Subject } from '../attest/statement.ts';
import type { Attestation } from './attest.ts';

export interface AttestationNames {
  /** Before and behind the name of each file. */
  readonly prefix: string;
  readonly suffix: string;
}

/**
 * Attestations as files beside those that they are about, each of these named with its digest, as BuildKit does. They
 * take the place of files of their names.
 */
export async function attestationFiles(
  attestations: readonly Attestation[],
  tree: FileTree,
  { prefix, suffix }: AttestationNames,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Buffer>> {
  const named = new Map(
    attestations.map(({ fileName, about }) => {
      const [stem, ...extension] = fileName.split('.');
      return [`${prefix}${stem}${suffix}.${extension.join('.')}`, about];
    }),
  );
  const subjects = (await fileSubjects(tree, signal)).filter(({ name }) => !named.has(name));
  return new Map(
    [...named].map(([name, about]) => [
      name,
      Buffer.from(`${JSON.stringify(about(subjects), undefined, 2)}\n`),
    ]),
  );
}

/** Writes files into a directory that an image was written to. */
export function writeBeside(directory: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [name, bytes] of files) {
    const path = join(directory, name);
    // The image may have put a link there, which must not say where this is written to.
    rmSync(path, { force: true });
    writeFileSync(path, bytes, { flag: 'wx' });
  }
}

async function fileSubjects(tree: FileTree, signal: AbortSignal | undefined): Promise<readonly Subject[]> {
  const subjects: Subject[] = [];
  const root = tree.lookup('/');
  const pending: FileNode[] = root === undefined ? [] : [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const node of tree.children(directory)) {
      if (node.stat.type === 'directory') pending.push(node);
      else if (node.stat.type === 'file')
        subjects.push({ name: displayPath(node.path).slice(1), digest: { sha256: sha256Of(tree, node) } });
    }
    // Lets signals and timers in between directories.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }
  return subjects.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function sha256Of(tree: FileTree, node: FileNode): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1 << 20);
  const fd = tree.open(node);
  try {
    for (let read = -1; read !== 0; ) {
      read = readSync(fd, buffer, 0, buffer.length, null);
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
