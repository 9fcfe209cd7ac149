import { isHttpUrl, parseGitUrl } from '../git-url.ts';
import type { CopyInstruction } from '../instructions.ts';
import { type Filesystem, failure, type Lower, reading, type StageContext } from './context.ts';
import { checkIgnored, lowerTransfer, type TransferSource } from './transfer.ts';

/** COPY: from the build context, or from what --from names. */
export const lowerCopy: Lower<'COPY'> = (state, instruction, context) => {
  const { from } = instruction;
  const files = from === undefined || from === '' ? undefined : filesOf(from, instruction, context);
  return lowerTransfer(state, instruction, context, (path): TransferSource => {
    refuseRemote(instruction, context, path);
    if (files === undefined) checkIgnored(instruction, context, path);
    const { vertex, foreignOwners } = files ?? context.mainContext();
    const pattern = path === '' ? '/' : path;
    return { vertex, pattern, display: path, keepOwner: !foreignOwners, unpack: 'never' };
  });
};

function filesOf(from: string, instruction: CopyInstruction, context: StageContext): Filesystem {
  const files = context.filesystemOf(from, true);
  if (files !== undefined) return files;
  const names = [from, context.stageName].map((name) => JSON.stringify(name));
  throw failure(
    context,
    instruction,
    'UNKNOWN_STAGE',
    `cannot copy from stage ${names[0]}, it needs to be defined before current stage ${names[1]}`,
    { hint: 'Move the stage up' },
  );
}

function refuseRemote(instruction: CopyInstruction, context: StageContext, path: string): void {
  const git = reading(context, instruction, 'BAD_ARGUMENT', () => parseGitUrl(path));
  if (git === undefined && !isHttpUrl(path)) return;
  const what = git === undefined ? 'a URL' : 'a git ref';
  throw failure(context, instruction, 'BAD_ARGUMENT', `source can't be ${what} for COPY`, {
    hint: 'Use ADD for what is not in the build context',
  });
}
