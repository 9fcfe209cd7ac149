import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
} from '../linux/constants.ts';
import type { NamespacePlan } from './plan.ts';
import { SandboxError } from './sandbox.ts';
import type { Namespace } from './spec.ts';

/** In the order of joining: the mount namespace last, since the others' paths are of this one. */
const flags = {
  ipc: CLONE_NEWIPC,
  uts: CLONE_NEWUTS,
  network: CLONE_NEWNET,
  cgroup: CLONE_NEWCGROUP,
  mount: CLONE_NEWNS,
} as const;

type Joinable = keyof typeof flags;
const isJoinable = (type: Namespace['type']): type is Joinable => Object.hasOwn(flags, type);

export function planNamespaces(namespaces: readonly Namespace[]): NamespacePlan {
  const seen = new Map<Namespace['type'], Namespace>();
  for (const namespace of namespaces) {
    if (namespace.type !== 'pid' && !isJoinable(namespace.type)) throw unsupported(namespace.type);
    if (seen.has(namespace.type)) throw bad(namespace.type, 'it is named twice');
    seen.set(namespace.type, namespace);
  }
  if (!seen.has('mount')) throw bad('mount', 'a container needs a mount namespace of its own');
  const pid = seen.get('pid');
  const types = Object.keys(flags) as Joinable[];
  return {
    pid: pid === undefined ? undefined : pid.path === undefined ? 'new' : { path: pid.path },
    unshare: types.reduce((bits, type) => (isNew(seen.get(type)) ? bits | flags[type] : bits), 0),
    join: types.flatMap((type) => {
      const path = seen.get(type)?.path;
      return path === undefined ? [] : [{ type, flag: flags[type], path }];
    }),
  };
}

/** For the parent, which makes or joins it on behalf of the child. */
export const PID_NAMESPACE = CLONE_NEWPID;

const isNew = (namespace: Namespace | undefined) => namespace !== undefined && namespace.path === undefined;

function unsupported(type: string): SandboxError {
  return bad(type, 'start the whole program in one instead');
}

function bad(type: string, reason: string): SandboxError {
  return new SandboxError('BAD_SPEC', type, `Cannot use ${type} namespace: ${reason}`);
}
