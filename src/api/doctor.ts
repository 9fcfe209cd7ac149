import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Finding as HostFinding } from '../sandbox/probe.ts';
import { storeRoot } from './store-root.ts';
import type { StoreLocation } from './with-store.ts';

export type { HostFinding };

export interface Diagnosis {
  readonly kernel: string;
  /** Containers can be started and images built. */
  readonly works: boolean;
  readonly findings: readonly HostFinding[];
  readonly store: {
    readonly root: string;
    /** Bytes that are left on its file system. */
    readonly free: number;
  };
}

/** What this system allows, and what would have to change where it does not. Starts no container and changes nothing. */
export async function diagnose({ storeRoot: root = storeRoot() }: StoreLocation = {}): Promise<Diagnosis> {
  const { probeHost } = await import('../sandbox/probe.ts');
  const { kernel, canIsolate, findings } = await probeHost();
  const store = examineStore(root);
  return {
    kernel,
    works: canIsolate && store.ok,
    findings: [...findings, store],
    store: { root, free: freeBytes(nearest(root)) },
  };
}

function examineStore(root: string): HostFinding {
  const existing = nearest(root);
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    return {
      name: 'the store',
      ok: false,
      required: true,
      detail: `${existing} cannot be written`,
      remedy: 'set TSBUILD_ROOT to a directory of your own',
    };
  }
  const detail = existing === root ? root : `${root}, to be made`;
  return { name: 'the store', ok: true, required: true, detail };
}

/** The path, or the directory above it that is there. */
function nearest(path: string): string {
  return existsSync(path) || path === '/' ? path : nearest(dirname(path));
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
