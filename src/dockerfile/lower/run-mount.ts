import { posix } from 'node:path';
import type { VertexDigest } from '../../llb/definition.ts';
import type { ExecMount } from '../../llb/op.ts';
import type { RunInstruction } from '../instructions.ts';
import { parseRunMount, type RunMount } from '../run-mounts.ts';
import { expand, failure, reading, type StageContext } from './context.ts';
import { type StageState, workdirOf } from './state.ts';
import { absolutePath } from './workdir.ts';

/** The mounts of a RUN, in the order in which they are made. */
export interface Mounts {
  readonly mounts: readonly ExecMount[];
  /** Inputs of the step after its root, which is input 0. */
  readonly inputs: readonly VertexDigest[];
  /** What they add to the environment. */
  readonly env: readonly string[];
  /** Variables that secrets fill. */
  readonly secretVariables: readonly string[];
}

const MOUNT_HINT = 'Write key=value pairs with commas between: --mount=type=cache,target=/root/.cache';

export function completeMounts(
  state: StageState,
  instruction: RunInstruction,
  context: StageContext,
): Mounts {
  const inputs: VertexDigest[] = [];
  const mounts: ExecMount[] = [];
  for (const text of instruction.mounts) {
    const mount = readMount(state, instruction, context, text);
    const target = targetOf(state, instruction, context, mount);
    if (mount.type === 'bind' || mount.type === 'cache') {
      const source = sourceOf(instruction, context, mount);
      if (source !== undefined) inputs.push(source);
      mounts.push(withFiles(mount, target, context, source === undefined ? undefined : inputs.length));
    } else if (mount.type === 'tmpfs') {
      mounts.push({
        type: 'tmpfs',
        target,
        ...(mount.size !== undefined && mount.size > 0 && { size: mount.size }),
      });
    } else if (mount.type === 'secret') mounts.push(secret(mount, target));
    else mounts.push(ssh(mount, target, mounts.filter(({ type }) => type === 'ssh').length));
  }
  const secrets = mounts.filter((mount) => mount.type === 'secret');
  // A mount goes over what is there, so parents come before what is inside of them.
  mounts.sort((one, other) => compare(one.target ?? '', other.target ?? ''));
  return {
    mounts,
    inputs,
    env: agentVariable(state, mounts),
    secretVariables: secrets.flatMap(({ env }) => env ?? []),
  };
}

function readMount(
  state: StageState,
  instruction: RunInstruction,
  context: StageContext,
  text: string,
): RunMount {
  const read = () => parseRunMount(text, (value) => expand(context, state, instruction, value));
  return reading(context, instruction, 'BAD_FLAG', read, MOUNT_HINT);
}

/** Absolute; empty for secrets and ssh that name none. */
function targetOf(
  state: StageState,
  instruction: RunInstruction,
  context: StageContext,
  { type, target = '' }: RunMount,
): string {
  if (target === '' && (type === 'secret' || type === 'ssh')) return '';
  // Without a target it is the working directory.
  const absolute = absolutePath(workdirOf(state), target === '' ? '.' : target);
  if (absolute !== '/') return absolute;
  throw failure(context, instruction, 'BAD_FLAG', 'invalid mount target "/"', {
    hint: 'Give the mount a directory of its own: target=/path',
  });
}

/** The files behind a bind mount, the context unless `from` names something else; those a cache begins with. */
function sourceOf(
  instruction: RunInstruction,
  context: StageContext,
  { type, from = '', target = '' }: RunMount,
): VertexDigest | undefined {
  if (from === '') return type === 'bind' ? context.mainContext().vertex : undefined;
  const files = context.filesystemOf(from, false);
  if (files !== undefined) return files.vertex;
  throw failure(
    context,
    instruction,
    'UNKNOWN_STAGE',
    `cannot mount from stage ${JSON.stringify(from)} to ${JSON.stringify(target)}, stage needs to be defined before current command`,
    { hint: 'Move the stage up' },
  );
}

function withFiles(
  mount: RunMount,
  target: string,
  context: StageContext,
  input: number | undefined,
): ExecMount {
  const common = {
    target,
    source: posix.resolve('/', mount.source ?? ''),
    readonly: mount.readonly,
    ...(input !== undefined && { input }),
  };
  if (mount.type === 'bind') return { type: 'bind', ...common };
  const name = mount.id === undefined || mount.id === '' ? posix.normalize(mount.target ?? target) : mount.id;
  const namespace = context.request.buildArgs.BUILDKIT_CACHE_MOUNT_NS ?? '';
  return {
    type: 'cache',
    ...common,
    id: namespace === '' ? name : `${namespace}/${name}`,
    sharing: mount.sharing ?? 'shared',
    ...(mount.mode !== undefined && { mode: mount.mode }),
    ...(mount.uid !== undefined && { uid: mount.uid }),
    ...(mount.gid !== undefined && { gid: mount.gid }),
  };
}

function secret(mount: RunMount, target: string): ExecMount & { readonly type: 'secret' } {
  const named = [mount.source, mount.id].find((name) => name !== undefined && name !== '');
  const id = named ?? posix.basename(target);
  // With `env` there is a file only where a target asks for one.
  const file = target === '' && mount.env === undefined ? `/run/secrets/${posix.basename(id)}` : target;
  return {
    type: 'secret',
    id,
    required: mount.required,
    ...(file !== '' && { target: file }),
    ...(mount.env !== undefined && { env: mount.env === '' ? id : mount.env }),
    mode: mount.mode ?? 0o400,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

function ssh(mount: RunMount, target: string, number: number): ExecMount & { readonly type: 'ssh' } {
  return {
    type: 'ssh',
    id: mount.id === undefined || mount.id === '' ? 'default' : mount.id,
    target: target === '' ? `/run/buildkit/ssh_agent.${number}` : target,
    required: mount.required,
    mode: mount.mode ?? 0o600,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

/** Programs find the agent by this variable, unless the Dockerfile set it. */
function agentVariable(state: StageState, mounts: readonly ExecMount[]): string[] {
  const first = mounts.find((mount) => mount.type === 'ssh');
  if (first === undefined || state.environment.has('SSH_AUTH_SOCK')) return [];
  return [`SSH_AUTH_SOCK=${first.target}`];
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
