import { posix } from 'node:path';
import { expand, type Lower, nextStep, shownText } from './context.ts';
import { commit, withConfig, workdirOf } from './state.ts';

/**
 * WORKDIR: makes the directory, owned by USER, unless it is there. As Docker has it, the config gets an absolute path as
 * it is written, but for a relative one the clean path that it leads to.
 */
export const lowerWorkdir: Lower<'WORKDIR'> = (before, instruction, context) => {
  const path = expand(context, before, instruction, instruction.path);
  if (!before.workdirSet && !path.startsWith('/')) {
    context.findings.addAt(
      instruction,
      'WorkdirRelativePath',
      `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`,
    );
  }
  const WorkingDir = path.startsWith('/') ? path : absolutePath(workdirOf(before), path);
  const moved = { ...withConfig(before, { WorkingDir }), workdirSet: true };
  const shown = shownText(context, before.environment, instruction.original);
  const { state, meta } = nextStep(context, moved, instruction, shown);
  const text = `WORKDIR ${WorkingDir}`;
  if (WorkingDir === '/') return commit(state, { text, created: context.created });
  const owner = state.config.User;
  const root = context.graph.add(
    {
      type: 'file',
      actions: [
        {
          kind: 'mkdir',
          path: absolutePath('/', WorkingDir),
          mode: 0o755,
          ...(owner !== undefined && owner !== '' && { owner }),
          ...(context.epoch !== undefined && { mtime: context.epoch }),
        },
      ],
    },
    [state.root],
    meta,
  );
  return commit(state, { text, created: context.created, root });
};

/** `path` seen from `directory`, cleaned, without a slash at its end. */
export function absolutePath(directory: string, path: string): string {
  return posix.resolve('/', directory, path);
}
