import { DEFAULT_CAPABILITIES } from '../../src/sandbox/capabilities.ts';
import {
  capabilitySets,
  DEFAULT_NAMESPACES,
  defaultConfinement,
  defaultMounts,
} from '../../src/sandbox/defaults.ts';
import type { Linux, Process, Spec } from '../../src/sandbox/spec.ts';

export interface SpecChanges {
  readonly process?: Partial<Process>;
  readonly linux?: Partial<Linux>;
  readonly mounts?: Spec['mounts'];
  readonly root?: Partial<Spec['root']>;
  /** Null for none. */
  readonly hostname?: string | null;
}

/** Docker's defaults, running a shell script. */
export function shellSpec(script: string, changes: SpecChanges = {}): Spec {
  const uid = changes.process?.user?.uid ?? 0;
  return {
    ociVersion: '1.2.0',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['sh', '-c', script],
      env: ['PATH=/usr/bin:/bin'],
      cwd: '/',
      capabilities: capabilitySets(DEFAULT_CAPABILITIES, uid),
      ...changes.process,
    },
    root: { path: '/nonexistent', ...changes.root },
    ...(changes.hostname === null ? {} : { hostname: changes.hostname ?? 'box' }),
    mounts: changes.mounts ?? defaultMounts(),
    linux: { namespaces: DEFAULT_NAMESPACES, ...defaultConfinement(), ...changes.linux },
  };
}
